"""A principal is read in full or refused, and its digest tells principals apart."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from policy import BadInput, Classification, Principal
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
    assert read(principal.to_json()) == principal


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


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": "bob"},
        {"tenant": "t2"},
        {"clearance": Classification.U},
        {"compartments": frozenset()},
        {"nationality": "GBR"},
        {"authorities": frozenset(["LEGAL"])},
        {"roles": frozenset()},
        {"purposes": ()},
        {"acr": "weak"},
        {"auth_time": 1},
    ],
)
def test_the_digest_differs_with_each_attribute(changes: dict[str, Any]) -> None:
    ann = read(ANN)
    assert replace(ann, **changes).digest() != ann.digest()
    assert read(ANN).digest() == ann.digest()
