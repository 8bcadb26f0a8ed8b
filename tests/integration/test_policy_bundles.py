"""Policies that decided stay as they were: written once, final, and a tenant's own seen by that tenant alone."""

from dataclasses import replace

import psycopg
import pytest

from copilot.acts import Copilot
from copilot.replay.bundles import PolicyBundles
from copilot.replay.decided import Decisions
from copilot.results import Unavailable as UnavailableResult
from policy.basis import Basis
from policy.bundle import Built, Bundle, installed, load_bundle
from policy.embedded import EmbeddedEngine
from policy.errors import Unavailable
from policy.labels import Classification
from policy.principal import Asker, Principal
from retrieval.stores.postgres.database import Database, Role
from tests.integration.test_row_level_security import serving
from tests.servers.postgres import Owner

pytestmark = pytest.mark.anyio

RELEASE = Built(bundle=load_bundle(installed()), wasm=b"the release's")
OWN = Built(bundle=Bundle(sources={"rules.rego": b"package tenant\n"}), wasm=b"a tenant's")
BASIS = Basis(revision="r1", release=RELEASE, own=OWN)
ANN = Asker(
    principal=Principal(
        sub="ann",
        tenant="t1",
        clearance=Classification.U,
        roles=frozenset(["analyst"]),
        purposes=("investigation",),
        nationality="USA",
    ),
    purpose="investigation",
)


def kept(owner: Owner) -> list[tuple[str, str]]:
    rows = owner.execute("SELECT tenant, sha256 FROM policy_bundles ORDER BY tenant").fetchall()
    return [(row["tenant"], row["sha256"].hex()) for row in rows]


async def test_a_bundle_is_written_once_by_however_many_and_read_as_it_was(
    database: Database, owner: Owner
) -> None:
    for one in (PolicyBundles(database), PolicyBundles(database)):
        await one.keep("t1", BASIS)
        await one.keep("t1", BASIS)
    await PolicyBundles(database).keep("t2", replace(BASIS, own=None))
    assert kept(owner) == [("", RELEASE.sha256), ("t1", OWN.sha256)]
    bundles = PolicyBundles(database)
    assert await bundles.load("t2", RELEASE.sha256) == RELEASE
    assert await bundles.load("t1", OWN.sha256, own=True) == OWN
    with pytest.raises(Unavailable, match="is not kept here"):
        await bundles.load("t2", OWN.sha256, own=True)


async def test_a_restored_database_gets_the_bundles_again_within_a_minute(
    database: Database, owner: Owner
) -> None:
    clock = [0.0]
    bundles = PolicyBundles(database, clock=lambda: clock[0])
    await bundles.keep("t1", BASIS)
    owner.execute("SET session_replication_role = replica")
    owner.execute("DELETE FROM policy_bundles")
    for clock[0], there in ((59.0, 0), (60.0, 2), (61.0, 2)):
        await bundles.keep("t1", BASIS)
        assert len(kept(owner)) == there


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE policy_bundles SET wasm = ''",
        "DELETE FROM policy_bundles",
        "TRUNCATE policy_bundles",
    ],
)
async def test_what_is_kept_is_final_even_for_its_owner(
    database: Database, owner: Owner, change: str
) -> None:
    await PolicyBundles(database).keep("t1", BASIS)
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        owner.execute(change.encode())


async def test_a_tenants_own_rules_are_seen_by_that_tenant_alone(
    database: Database, database_url: str
) -> None:
    await PolicyBundles(database).keep("t1", BASIS)
    query = b"SELECT tenant FROM policy_bundles ORDER BY tenant"
    for tenant, seen in (("t1", ["", "t1"]), ("t2", [""]), ("", [""])):
        with serving(database_url, Role.AUDITOR, [], tenant) as connection:
            assert [row["tenant"] for row in connection.execute(query)] == seen
    for role in (Role.READER, Role.WRITER, Role.PROJECTOR):
        with (
            serving(database_url, role, [], "t1") as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(query)


@pytest.mark.parametrize(
    ("tenant", "rules", "wasm"),
    [("t2", OWN.rules, OWN.wasm), ("t1", RELEASE.rules, OWN.wasm), ("t1", OWN.rules, b"other")],
)
def test_whoever_keeps_them_puts_in_no_other_and_none_of_another_tenant(
    database_url: str, tenant: str, rules: str, wasm: bytes
) -> None:
    with (
        serving(database_url, Role.LEDGER, [], "t1") as connection,
        pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation)),
    ):
        connection.execute(
            "INSERT INTO policy_bundles (tenant, sha256, rules, sources, wasm) VALUES (%s, %s, %s, '', %s)",
            [tenant, bytes.fromhex(OWN.sha256), rules, wasm],
        )


async def test_where_the_policy_cannot_be_kept_nothing_is_released(
    copilot: Copilot, owner: Owner
) -> None:
    owner.execute("REVOKE INSERT ON policy_bundles FROM copilot_ledger")
    try:
        for outcome in (await copilot.ask(ANN, "Who?"), await copilot.search(ANN, "Who?")):
            assert isinstance(outcome, UnavailableResult), outcome
            assert "nothing was released" in outcome.text or outcome.dependency == "postgres"
    finally:
        owner.execute("GRANT INSERT ON policy_bundles TO copilot_ledger")
    assert (await copilot.search(ANN, "Who?")).kind == "SearchResult"


async def test_an_act_between_two_policies_is_not_decided(database: Database) -> None:
    """No record could name both."""
    engine = EmbeddedEngine()
    decisions = Decisions(engine, PolicyBundles(database))
    decided = await decisions.begun(ANN)
    assert decisions.finished(ANN, decided, engine.revision("t1")) is decided
    with pytest.raises(Unavailable, match="changed meanwhile"):
        decisions.finished(ANN, decided, "another")
    other = Decisions(_Changed(), PolicyBundles(database))
    with pytest.raises(Unavailable, match="changed meanwhile"):
        other.finished(ANN, decided, decided.basis.revision)
    await engine.close()


class _Changed:
    def basis(self, tenant: str) -> Basis:
        assert tenant == "t1"
        return BASIS
