"""Who a command acts for comes from the principals file, and who typed it is recorded."""

import getpass
import json
from argparse import Namespace
from pathlib import Path

import pytest

from copilot.commands.asker import as_asker, asker, principal, principals
from copilot.settings import Settings
from policy.errors import BadInput, Misconfigured
from tests.unit.api.fakes import ANN, LEE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "principals.json"
    path.write_text(json.dumps({"ann": ANN.to_json(), "lee": LEE.to_json()}), "utf-8")
    return path


def test_the_file_gives_each_principal_with_its_attributes(file: Path) -> None:
    assert principals(file) == {"ann": ANN, "lee": LEE}


def test_without_a_file_the_variable_is_named() -> None:
    with pytest.raises(Misconfigured, match="COPILOT_PRINCIPALS is not set"):
        principals(None)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"nowhere\.json: No such file"):
        principals(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("text", "said"),
    [(b"{", "not JSON"), (b"\xff", "not JSON"), (b"[]", "must be an object of name to attributes")],
)
def test_a_file_that_is_no_object_of_principals_is_refused(
    file: Path, text: bytes, said: str
) -> None:
    file.write_bytes(text)
    with pytest.raises(Misconfigured, match=said):
        principals(file)


def test_a_principal_without_clearance_is_refused_by_name(file: Path) -> None:
    file.write_text('{"eve": {"tenant": "t1"}}', "utf-8")
    with pytest.raises(BadInput, match="'eve' needs a clearance"):
        principals(file)


def test_what_is_typed_goes_over_the_variable(file: Path) -> None:
    settings = Settings(principals=file, act_as="lee")
    assert principal(settings, None) == LEE
    assert principal(settings, "ann") == ANN


def test_nobody_is_assumed(file: Path) -> None:
    with pytest.raises(BadInput, match="--as SUB, or COPILOT_AS"):
        principal(Settings(principals=file), None)


def test_an_unknown_name_is_refused_with_those_that_are_known(file: Path) -> None:
    with pytest.raises(BadInput, match=r"no principal 'eve'.*\['ann', 'lee'\]"):
        principal(Settings(principals=file), "eve")


def test_purpose_and_reason_are_taken_as_typed_and_the_operator_is_recorded(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "root")
    options = Namespace(act_as="ann", purpose="review", reason="case 7")
    given = asker(Settings(principals=file), options)
    assert (given.principal, given.purpose, given.reason) == (ANN, "review", "case 7")
    assert given.impersonated_by == "root"


def test_without_a_purpose_the_first_of_the_principal_is_taken(file: Path) -> None:
    given = asker(Settings(principals=file), Namespace(act_as="ann"))
    assert (given.purpose, given.reason) == ("investigation", "")
    assert as_asker(LEE).purpose == "audit"


def test_an_operator_without_a_name_is_said_to_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert as_asker(ANN).impersonated_by == "unknown"
