"""`copilot policy`: an operator sees what a policy says, and what another would change, before it goes live."""

import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from copilot.commands import policy
from copilot.settings import Settings
from policy.bundle import installed, load_bundle
from policy.errors import BadInput, Misconfigured
from tests.servers.product import CASE_FILE

pytestmark = pytest.mark.anyio

HARBOR = "meridian (S//HARBOR//REL TO USA, GBR)"
NO_HARBOR = """package tenant

closed contains position if {
	some position, label in input.labels
	"HARBOR" in label.compartments
}

refused contains "no searching" if input.act == "search"

unroutable := set()
"""


@pytest.fixture
def operator(case_file: str, opa_binary: Path, models_dir: Path, tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        models_dir=models_dir,
        database_url=case_file,
        principals=CASE_FILE / "principals.json",
        opa=str(opa_binary),
    )


def bundle(folder: Path, **modules: str) -> Path:
    folder.mkdir()
    for name, source in modules.items():
        (folder / f"{name}.rego").write_text(source)
    return folder


async def differences(
    operator: Settings, folder: Path, capsys: Any, tenant: str | None
) -> dict[str, Any]:
    options = Namespace(folder=folder, tenant=tenant, json=True)
    assert await policy.diff(operator, options) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


async def test_a_tenants_bundle_closes_what_it_names_and_for_whom(
    operator: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = bundle(tmp_path / "meridian", rules=NO_HARBOR)
    found = await differences(operator, folder, capsys, "meridian")
    assert found["opens"] == found["acts_opened"] == []
    closed = {change["subject"]: change["for"] for change in found["closes"]}
    assert closed[HARBOR] == ["analyst", "auditor", "lead"]
    assert all("HARBOR" in subject for subject in closed)
    assert found["acts_closed"] == [
        {"subject": "search", "for": ["analyst", "lead", "liaison", "trainee"]}
    ]
    assert not list(folder.glob("*.wasm")), "a bundle that is looked at is not installed"


async def test_a_laxer_release_is_seen_to_open(
    operator: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = {Path(n).stem: s.decode() for n, s in load_bundle(installed()).sources.items()}
    lax = sources["read"].replace("\tcompartments_held(label)\n\tauthorities", "\tauthorities")
    assert lax != sources["read"]
    folder = bundle(tmp_path / "lax", **{**sources, "read": lax})
    found = await differences(operator, folder, capsys, None)
    opened = {change["subject"]: change["for"] for change in found["opens"]}
    assert "liaison" in opened[HARBOR]
    assert found["closes"] == []


async def test_the_same_policy_changes_nothing(
    operator: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    options = Namespace(folder=Path(str(installed())), tenant=None, json=False)
    assert await policy.diff(operator, options) == 0
    assert capsys.readouterr().out.startswith("0 changes in ")


async def test_a_bundle_that_speaks_for_another_package_is_refused(
    operator: Settings, tmp_path: Path
) -> None:
    folder = bundle(tmp_path / "greedy", rules="package copilot.read\n\nopens(_) := true\n")
    with pytest.raises(BadInput, match=r"rules\.rego must be of package tenant"):
        await policy.diff(operator, Namespace(folder=folder, tenant="meridian", json=False))


async def test_it_explains_each_label_of_a_document(
    operator: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    options = Namespace(
        act_as="liaison", label=None, document="IR-2024-030", json=True, purpose=None
    )
    assert await policy.explain(operator, options) == 0
    explained = json.loads(capsys.readouterr().out)
    assert {tuple(one["obstacles"]) for one in explained if one["opens"]} <= {()}
    closed = [one for one in explained if not one["opens"]]
    assert any("compartments" in one["obstacles"] for one in closed)
    options.json = False
    assert await policy.explain(operator, options) == 0
    assert "they do not hold every compartment" in capsys.readouterr().out


async def test_it_explains_a_label_that_nothing_bears_yet(
    operator: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    label = '{"classification": "TS", "handling": ["PII"]}'
    weak = replace(operator, principals=_weak(operator))
    options = Namespace(act_as="lead", label=label, document=None, json=False, purpose=None)
    assert await policy.explain(weak, options) == 0
    assert capsys.readouterr().out == (
        "(TS//PII)  closed\n  it needs a strong sign-in of the last hour\n"
    )


def _weak(operator: Settings) -> Path:
    assert operator.principals is not None
    people = json.loads(operator.principals.read_text())
    people["lead"]["acr"] = "password"
    file = operator.data_dir / "people.json"
    file.write_text(json.dumps(people))
    return file


async def test_it_runs_the_tests_beside_the_rules(
    operator: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = """package tenant_test

import data.tenant

test_harbor_is_closed if tenant.closed == {0} with input as {"labels": [{"compartments": ["HARBOR"]}]}
"""
    folder = bundle(tmp_path / "meridian", rules=NO_HARBOR, rules_test=checks)
    assert await policy.test(operator, Namespace(folder=folder)) == 0
    assert "PASS: 1/1" in capsys.readouterr().out
    (folder / "rules.rego").write_text(NO_HARBOR.replace("HARBOR", "KITE"))
    with pytest.raises(Misconfigured, match="`opa test` failed"):
        await policy.test(operator, Namespace(folder=folder))


async def test_without_an_opa_it_says_how_to_name_one(operator: Settings, tmp_path: Path) -> None:
    without = replace(operator, opa=str(tmp_path / "nowhere"))
    with pytest.raises(Misconfigured, match="no OPA runs at"):
        await policy.test(without, Namespace(folder=None))
