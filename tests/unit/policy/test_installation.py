"""What an operator states is read in full, or refused with the file, the place and what to do."""

import json
from pathlib import Path
from typing import Any

import pytest

from policy import Misconfigured
from policy.installation import Installation, Tenant
from policy.labels import Classification, Label

HOUSE: dict[str, Any] = {
    "residency": "GBR",
    "classification": "S",
    "compartments": ["HARBOR"],
    "handling": ["PII"],
}


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_who_states_nothing_has_the_defaults() -> None:
    nothing = Installation.read(None, None)
    assert nothing == Installation()
    assert not nothing.reason_required("t1")
    assert not nothing.graph_required("t1")
    assert (nothing.tenants, nothing.accreditations) == ({}, {})


def test_tenants_are_read_with_their_policy_beside_the_file(tmp_path: Path) -> None:
    stated = {
        "t1": {"reason_required": True, "policy": "rules/t1"},
        "t2": {"graph_required": True},
        "t3": {"policy": None},
        "t4": {"decompose": True, "filter_facts": True},
    }
    read = Installation.read(write(tmp_path / "tenants.json", stated), None)
    assert read.tenants == {
        "t1": Tenant(reason_required=True, policy=tmp_path / "rules" / "t1"),
        "t2": Tenant(graph_required=True),
        "t3": Tenant(),
        "t4": Tenant(decompose=True, filter_facts=True),
    }
    assert [read.reason_required(tenant) for tenant in ("t1", "t2", "t9")] == [True, False, False]
    assert [read.graph_required(tenant) for tenant in ("t1", "t2", "t9")] == [False, True, False]
    assert [read.decompose(tenant) for tenant in ("t1", "t4", "t9")] == [False, True, False]
    assert [read.filter_facts(tenant) for tenant in ("t1", "t4", "t9")] == [False, True, False]


def test_retention_is_read_in_its_order(tmp_path: Path) -> None:
    rules = [{"days": 30, "source": "mail/*", "classification": "U"}, {"days": 3650}]
    read = Installation.read(write(tmp_path / "tenants.json", {"t1": {"retention": rules}}), None)
    short, long = read.retention("t1")
    assert (short.days, long.days, read.retention("t9")) == (30, 3650, ())
    open_, closed = (
        Label(tenant="t1", classification=level) for level in (Classification.U, Classification.S)
    )
    assert [short.about("mail/a.eml", label) for label in (open_, closed)] == [True, False]
    assert not short.about("notes/a.md", open_)
    assert long.about("notes/a.md", closed)


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        ({"days": 1}, "must be a list of rules"),
        ([30], "must be a list of rules"),
        ([{}], "days must be a whole number"),
        ([{"days": 0}], "days must be a whole number"),
        ([{"days": True}], "days must be a whole number"),
        ([{"days": 1, "source": 1}], "source must be a pattern"),
        ([{"days": 1, "classification": "X"}], "classification must be one of"),
        ([{"days": 1, "until": 2}], "unknown key 'until'"),
    ],
)
def test_a_malformed_rule_of_retention_is_refused(tmp_path: Path, rules: Any, fault: str) -> None:
    """A rule that is misread deletes."""
    with pytest.raises(Misconfigured, match=fault):
        Installation.read(write(tmp_path / "tenants.json", {"t1": {"retention": rules}}), None)


def test_accreditations_are_read_as_they_are(tmp_path: Path) -> None:
    stated = {
        "anthropic": HOUSE,
        "google": {**HOUSE, "compartments": "*", "residency": "", "handling": []},
    }
    read = Installation.read(None, write(tmp_path / "providers.json", stated))
    assert read.accreditations == stated


FILES: list[tuple[object, str]] = [
    ("", "is not JSON that can be read"),
    ("{", "is not JSON that can be read"),
    ("[" * 200_000, "is not JSON that can be read"),
    ('{"t1": {}, "t1": {}}', "'t1' stands there twice; keep one"),
    ("[]", "must be an object of names to objects, like"),
    ("null", "must be an object of names to objects"),
    ({"t1": True}, "must be an object of names to objects"),
    ({"t1": []}, "must be an object of names to objects"),
    ({" t1": {}}, "' t1' is no name; write it without blanks"),
    ({"": {}}, "'' is no name"),
]


@pytest.mark.parametrize(("content", "fault"), FILES, ids=[fault for _, fault in FILES])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: object, fault: str) -> None:
    file = write(tmp_path / "stated.json", content)
    for tenants, accreditations in ((file, None), (None, file)):
        with pytest.raises(Misconfigured) as refused:
            Installation.read(tenants, accreditations)
        assert str(file) in refused.value.message
        assert fault in refused.value.message


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b'{"t\xe9": {}}')
    for file in (tmp_path / "nowhere.json", tmp_path, tmp_path / "latin"):
        with pytest.raises(Misconfigured, match=str(file)):
            Installation.read(file, None)


@pytest.mark.parametrize(
    ("tenant", "fault"),
    [
        ({"reason_required": "yes"}, "reason_required of 't1' must be true or false"),
        ({"graph_required": 1}, "graph_required of 't1' must be true or false"),
        ({"reason_required": None}, "reason_required of 't1' must be true or false"),
        ({"reason_required": 1}, "reason_required of 't1' must be true or false"),
        ({"policy": 1}, "policy of 't1' must be the path of a folder, or null"),
        ({"policy": ""}, "policy of 't1' must be the path of a folder, or null"),
        ({"reasons_required": True}, "'t1': unknown key 'reasons_required'; known: "),
        (
            '{"t1": {"reason_required": true, "reason_required": false}}',
            "'reason_required' stands there twice; keep one",
        ),
    ],
)
def test_a_malformed_tenant_is_refused(tmp_path: Path, tenant: Any, fault: str) -> None:
    content = tenant if isinstance(tenant, str) else {"t1": tenant}
    file = write(tmp_path / "tenants.json", content)
    with pytest.raises(Misconfigured) as refused:
        Installation.read(file, None)
    assert refused.value.message.startswith(str(file))
    assert fault in refused.value.message


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"classification": "X"}, "classification must be one of U, C, S, TS"),
        ({"classification": ["S"]}, "classification must be one of U, C, S, TS"),
        ({"residency": None}, 'residency must be a country, such as "USA", or ""'),
        ({"residency": " "}, "residency must be a country"),
        ({"residency": ["GBR"]}, "residency must be a country"),
        ({"compartments": "HARBOR"}, "compartments must be a list of names"),
        ({"compartments": ["*", ""]}, "compartments must be a list of names"),
        ({"compartments": {"HARBOR": 1}}, "compartments must be a list of names"),
        ({"compartments": None}, "compartments must be a list of names"),
        ({"handling": "*"}, "handling must be a list of names"),
        ({"handling": [1]}, "handling must be a list of names"),
        ({"handling": ["PII", "DRAFT"]}, "unknown handling 'DRAFT'; known: "),
        ({"price": 1}, "unknown key 'price'; known: "),
    ],
)
def test_a_malformed_accreditation_is_refused(
    tmp_path: Path, changes: dict[str, Any], fault: str
) -> None:
    file = write(tmp_path / "providers.json", {"anthropic": {**HOUSE, **changes}})
    with pytest.raises(Misconfigured) as refused:
        Installation.read(None, file)
    assert refused.value.message.startswith(f"{file}: 'anthropic'")
    assert fault in refused.value.message


@pytest.mark.parametrize("field", HOUSE)
def test_an_accreditation_says_everything(tmp_path: Path, field: str) -> None:
    said = {key: value for key, value in HOUSE.items() if key != field}
    file = write(tmp_path / "providers.json", {"anthropic": said})
    with pytest.raises(Misconfigured, match=f"'anthropic' must also say {field}"):
        Installation.read(None, file)


def test_an_accreditation_of_nobody_is_refused(tmp_path: Path) -> None:
    """It was meant for somebody, who would keep the defaults of the rules."""
    file = write(tmp_path / "providers.json", {"anthropics": HOUSE})
    with pytest.raises(Misconfigured, match=r"'anthropics' is no provider; known: .*'anthropic'"):
        Installation.read(None, file)
