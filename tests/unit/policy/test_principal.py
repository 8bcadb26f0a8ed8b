"""A principal is read in full or refused, and is written back as it was."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from policy import Authority, BadInput, Classification, Grant, Principal
from tests.unit.policy.strategies import principals

ANN: dict[str, Any] = {
    "tenant": "t1",
    "clearance": "S",
    "compartments": ["SI"],
    "nationality": "USA",
    "authorities": [],
    "roles": ["analyst"],
    "purposes": ["investigation", "audit"],
}


def read(value: object) -> Principal:
    return Principal.from_json("ann", value, where="people.json")


def test_the_attributes_are_read() -> None:
    assert read(ANN) == Principal(
        sub="ann",
        tenant="t1",
        clearance=Classification.S,
        compartments=frozenset(["SI"]),
        nationality="USA",
        roles=frozenset(["analyst"]),
        purposes=("investigation", "audit"),
    )


def test_whoever_states_no_strength_counts_as_strongly_and_freshly_authenticated() -> None:
    assert (read(ANN).acr, read(ANN).auth_time) == ("strong", None)
    weak = read({**ANN, "acr": "weak", "auth_time": 12})
    assert (weak.acr, weak.auth_time) == ("weak", 12)
    assert read({**ANN, "acr": ""}).acr == ""


@given(principals)
def test_json_keeps_each_principal(principal: Principal) -> None:
    assert read(principal.to_json()) == replace(principal, revoked=False, grants=())


def test_neither_file_nor_token_says_how_somebody_stands() -> None:
    grant = {"grant_id": "g", "clearance": "TS", "compartments": [], "authorities": []}
    claimed = read({**ANN, "revoked": True, "grants": [{**grant, "not_after": 9}]})
    assert (claimed.revoked, claimed.grants) == (False, ())


def test_rego_is_told_how_somebody_stands() -> None:
    grant = Grant(
        grant_id="g1",
        clearance=Classification.TS,
        compartments=frozenset(["SI", "HCS"]),
        authorities=frozenset(["LEGAL"]),
        not_after=1_700_000_000,
    )
    told = replace(read(ANN), revoked=True, grants=(grant,)).to_input()
    assert told == read(ANN).to_json() | {
        "revoked": True,
        "grants": [
            {
                "grant_id": "g1",
                "clearance": "TS",
                "compartments": ["HCS", "SI"],
                "authorities": ["LEGAL"],
                "not_after": 1_700_000_000,
            }
        ],
    }


def test_authorities_have_names_or_times_in_either_notation() -> None:
    noon = {"name": "LEGAL", "not_before": "2026-01-01T13:00:00+01:00", "not_after": 1_800_000_000}
    held = read({**ANN, "authorities": ["MEDICAL", noon, {"name": "AUDIT"}]})
    assert held.authorities == {
        Authority(name="MEDICAL"),
        Authority(name="LEGAL", not_before=1_767_268_800, not_after=1_800_000_000),
        Authority(name="AUDIT"),
    }
    assert held.authority_names == {"MEDICAL", "LEGAL", "AUDIT"}
    assert held.to_json()["authorities"] == [
        "AUDIT",
        {"name": "LEGAL", "not_before": 1_767_268_800, "not_after": 1_800_000_000},
        "MEDICAL",
    ]


def test_the_same_principal_is_always_written_alike() -> None:
    from_epoch = [{"name": "LEGAL", "not_before": 0}, "LEGAL", {"name": "LEGAL", "not_after": 0}]
    assert (
        read({**ANN, "authorities": from_epoch}).to_json()
        == read({**ANN, "authorities": from_epoch[::-1]}).to_json()
    )


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1970-01-01", 0),
        ("1970-01-01T00:00:01", 1),
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00-01:00", 3600),
        ("2026-11-21T01:02:03+00:00", 1_795_222_923),
        (-5, -5),
    ],
)
def test_an_instant_is_whole_seconds_in_utc_unless_it_says_otherwise(
    written: object, seconds: int
) -> None:
    held = read({**ANN, "authorities": [{"name": "LEGAL", "not_after": written}]})
    assert held.authorities == {Authority(name="LEGAL", not_after=seconds)}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"clearance": None}, "clearance"),
        ({"clearance": "X"}, "clearance"),
        ({"clearance": ["S"]}, "clearance"),
        ({"tenant": ""}, "needs a tenant"),
        ({"tenant": 1}, "needs a tenant"),
        ({"nationality": None}, "needs a nationality"),
        ({"roles": ["root"]}, "unknown role 'root'"),
        ({"roles": "analyst"}, "roles of 'ann' must be a list"),
        ({"compartments": [""]}, "compartments of 'ann' must be a list"),
        ({"compartments": ["S\x00I"]}, "compartments of 'ann' must be a list"),
        ({"purposes": {"audit": 1}}, "purposes of 'ann' must be a list"),
        ({"acr": None}, "acr of 'ann' must be a text"),
        ({"auth_time": "noon"}, "auth_time"),
        ({"auth_time": True}, "auth_time"),
        ({"auth_time": 1.5}, "auth_time"),
        ({"authorities": "LEGAL"}, "authorities of 'ann' must be a list"),
        ({"authorities": {"LEGAL": {}}}, "authorities of 'ann' must be a list"),
        ({"authorities": [1]}, "must be a name or name, not_before and not_after, not 1"),
        ({"authorities": [["LEGAL"]]}, "must be a name or name, not_before"),
        ({"authorities": [{"name": "LEGAL", "until": 1}]}, "must be a name or name, not_before"),
        ({"authorities": [{}]}, "an authority of 'ann' needs a name"),
        ({"authorities": [""]}, "an authority of 'ann' needs a name"),
        ({"authorities": [{"name": 1}]}, "an authority of 'ann' needs a name"),
        ({"authorities": [{"name": "A", "not_after": "soon"}]}, "not_after must be an ISO 8601"),
        ({"authorities": [{"name": "A", "not_after": True}]}, "not_after must be seconds since"),
        ({"authorities": [{"name": "A", "not_before": 1.5}]}, "not_before must be seconds since"),
        (
            {"authorities": [{"name": "A", "not_before": "2026-01-01T00:00:00.5Z"}]},
            "not_before must be a whole second",
        ),
    ],
)
def test_a_malformed_principal_is_refused_with_its_place(
    changes: dict[str, Any], fault: str
) -> None:
    with pytest.raises(BadInput, match=fault) as refused:
        read({**ANN, **changes})
    assert refused.value.message.startswith("people.json: ")


def test_a_principal_must_be_an_object() -> None:
    with pytest.raises(BadInput, match="must be an object"):
        read(["ann"])
