"""Migrating, tokens and the doctor."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from copilot.commands import opened, operate
from copilot.settings import Settings
from copilot.tokens import Verifier
from policy.errors import BadInput, Misconfigured
from tests.unit.api.fakes import ANN
from tests.unit.commands.product import Product, typed

pytestmark = pytest.mark.anyio


async def test_the_embedded_database_is_migrated_and_a_configured_one_only_checked(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    done: list[tuple[str, str]] = []

    async def migrate(url: str) -> list[str]:
        done.append(("migrate", url))
        return []

    async def check(url: str) -> None:
        done.append(("check", url))

    monkeypatch.setattr(opened, "migrate", migrate)
    monkeypatch.setattr(opened, "check", check)
    monkeypatch.setattr(opened, "database_url", lambda settings: settings.database_url or "own")
    assert await opened.ready_url(settings) == "postgres://db"
    assert await opened.ready_url(Settings()) == "own"
    assert done == [("check", "postgres://db"), ("migrate", "own")]


async def test_the_product_is_built_over_the_database_that_is_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built = Product()

    async def ready_url(settings: Settings) -> str:
        return "postgres://ready"

    @asynccontextmanager
    async def build(
        settings: Settings, *, embedder: None, sealing: bool, noting: bool
    ) -> AsyncIterator[Product]:
        assert not sealing
        assert not noting
        assert settings.database_url == "postgres://ready"
        yield built

    monkeypatch.setattr(opened, "ready_url", ready_url)
    monkeypatch.setattr(opened, "build", build)
    async with opened.opened(Settings()) as copilot:
        seen: object = copilot
    assert seen is built


@pytest.mark.parametrize(
    ("names", "said"),
    [([], "nothing to apply\n"), (["0001", "0002"], "applied 0001\napplied 0002\n")],
)
async def test_migrate_says_what_it_applied(
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    names: list[str],
    said: str,
) -> None:
    async def migrate(url: str) -> list[str]:
        assert url == settings.database_url
        return names

    monkeypatch.setattr(operate, "migrate_database", migrate)
    assert await operate.migrate(settings, typed("migrate")) == 0
    assert capsys.readouterr().out == said


async def test_schema_prints_the_schema_that_is_kept_in_the_repository(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await operate.schema(settings, typed("schema")) == 0
    kept = Path(__file__).parents[3] / "graphql" / "schema.graphql"
    assert capsys.readouterr().out == kept.read_text("utf-8")


async def test_a_token_proves_the_principal_with_the_claims_that_were_typed(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    claims = '{"clearance": "U", "roles": ["auditor"]}'
    assert await operate.token(settings, typed("token", "--sub", "ann", "--claims", claims)) == 0
    verifier = Verifier.from_settings(settings)
    assert verifier is not None
    who = (await verifier.verify(capsys.readouterr().out.strip())).principal
    assert (who.sub, who.tenant, who.clearance) == ("ann", "t1", "U")
    assert who.roles == {"auditor"}
    assert who.compartments == ANN.compartments


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ("{", "--claims is not JSON"),
        ("[]", "--claims must be a JSON object"),
        ('{"roles": ["king"]}', "--claims: 'ann' has an unknown role 'king'"),
    ],
)
async def test_claims_that_make_no_principal_are_refused(
    settings: Settings, capsys: pytest.CaptureFixture[str], claims: str, said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        await operate.token(settings, typed("token", "--sub", "ann", "--claims", claims))
    assert capsys.readouterr().out == ""


async def test_without_a_secret_there_is_no_token(settings: Settings) -> None:
    with pytest.raises(Misconfigured, match="COPILOT_JWT_SECRET"):
        await operate.token(replace(settings, jwt_secret=None), typed("token", "--sub", "ann"))


async def _vectors(settings: Settings) -> str:
    return "of a model"


async def test_doctor_says_of_each_part_whether_it_works(
    product: Product,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def connect(url: str, **more: object) -> None:
        raise psycopg.OperationalError("connection refused\nIs the server running?")

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", connect)
    monkeypatch.setattr(operate, "_vectors_check", _vectors)
    assert await operate.doctor(settings, typed("doctor")) == 1
    printed = capsys.readouterr()
    assert printed.err == "postgres: cannot connect: connection refused\n"
    first, *others = printed.out.splitlines()
    assert "answers by the offline generator" in first
    assert others == ["product: ok, postgres, policy", "vectors: ok, of a model"]


async def test_a_part_that_is_broken_in_no_known_way_is_told_of_and_the_others_are_looked_at(
    product: Product,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def broken(settings: Settings) -> str:
        raise psycopg.errors.UndefinedTable("relation is not there\nLINE 1")

    monkeypatch.setattr(operate, "_postgres_check", broken)
    monkeypatch.setattr(operate, "_vectors_check", _vectors)
    assert await operate.doctor(settings, typed("doctor")) == 1
    printed = capsys.readouterr()
    assert printed.err == "postgres: broken (UndefinedTable: relation is not there)\n"
    assert "vectors: ok" in printed.out


async def test_doctor_names_the_part_of_the_product_that_is_wrong(
    product: Product,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def version(settings: Settings) -> str:
        return "version 17"

    monkeypatch.setattr(operate, "_postgres_check", version)
    monkeypatch.setattr(operate, "_vectors_check", _vectors)
    assert await operate.doctor(replace(settings, anthropic_api_key="k"), typed("doctor")) == 0
    about, database, *_ = capsys.readouterr().out.splitlines()
    assert "answers by anthropic" in about
    assert database == "postgres: ok, version 17"
    product.state["policy"] = "another bundle"
    assert await operate.doctor(settings, typed("doctor")) == 1
    assert capsys.readouterr().err == "product: policy: another bundle\n"
