"""`copilot provenance`: what is written where, and that nothing is left behind where nothing was given."""

import stat
from pathlib import Path

import pytest

from copilot.commands.provenance import provenance
from copilot.settings import Settings
from policy.errors import BadInput
from tests.unit.api.fakes import LEE, PROVENANCE
from tests.unit.commands.product import DOWN, NOTHING, Product, typed

pytestmark = pytest.mark.anyio


async def test_without_a_file_the_prov_json_is_printed_and_nothing_else(
    product: Product, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    typed_in = typed("provenance", "a1", "--as", "lee", "--purpose", "audit", "--reason", "case 7")
    assert await provenance(settings, typed_in) == 0
    assert capsys.readouterr().out == f"{PROVENANCE.prov}\n"
    ((who, given_id),) = product.asked
    assert (who.principal, who.purpose, who.reason, given_id) == (LEE, "audit", "case 7", "a1")
    assert who.impersonated_by


@pytest.mark.parametrize(
    ("form", "text"), [("--html", PROVENANCE.page), ("--json", PROVENANCE.prov)]
)
async def test_a_file_is_its_owners_alone_and_bears_a_marking_where_it_is_named(
    product: Product,
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    form: str,
    text: str,
) -> None:
    path = tmp_path / "case"
    assert await provenance(settings, typed("provenance", "a1", form, path)) == 0
    assert path.read_text("utf-8") == text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert capsys.readouterr().out == f"(S//HARBOR) {path}, from the ledger entry l1\n"


@pytest.mark.parametrize("there", ["case", "no such folder/case"])
async def test_without_a_place_to_write_to_nothing_is_asked_for(
    product: Product, settings: Settings, tmp_path: Path, there: str
) -> None:
    (tmp_path / "case").write_text("another")
    with pytest.raises(BadInput, match="case"):
        await provenance(settings, typed("provenance", "a1", "--html", tmp_path / there))
    assert product.asked == []
    assert (tmp_path / "case").read_text() == "another"


@pytest.mark.parametrize(("outcome", "code"), [(NOTHING, 0), (DOWN, 1)])
async def test_where_nothing_is_given_no_file_is_left(
    product: Product,
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    outcome: object,
    code: int,
) -> None:
    product.provenance_result = outcome  # type: ignore[assignment]
    path = tmp_path / "case"
    assert await provenance(settings, typed("provenance", "a1", "--json", path)) == code
    assert not path.exists()
    assert str(outcome.text) in capsys.readouterr().out  # type: ignore[attr-defined]


async def test_where_it_fails_no_file_is_left(
    product: Product, settings: Settings, tmp_path: Path
) -> None:
    product.fault = BadInput("the entry l1 is none of an answer")
    path = tmp_path / "case"
    with pytest.raises(BadInput, match="none of an answer"):
        await provenance(settings, typed("provenance", "l1", "--html", path))
    assert not path.exists()


def test_a_page_and_prov_json_are_two_commands() -> None:
    with pytest.raises(SystemExit):
        typed("provenance", "a1", "--html", "x", "--json", "y")
