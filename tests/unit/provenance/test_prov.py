"""The PROV-JSON of an answer is valid, says what the record says, and is the same for the same record."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.ledger.entry import canonical
from copilot.provenance.account import Audience
from copilot.provenance.prov import prov_json
from copilot.provenance.told import account
from tests.unit.provenance.entries import PROOF, TEXTS, quotes, reader, recorded, told
from tests.unit.provenance.prov_json import Prov

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
SAID = st.fixed_dictionaries(dict.fromkeys(TEXTS, WORDS))


def read(text: bytes) -> Prov:
    return Prov(text.decode())


@given(SAID, st.sampled_from(Audience))
@settings(max_examples=30)
def test_it_is_valid_whatever_people_models_and_documents_say(
    said: dict[str, str], audience: Audience
) -> None:
    entry = recorded(said)
    found = account(entry, reader(audience), quotes(said))
    prov = read(prov_json(found))
    [question] = prov.typed("entity", "copilot:Question").values()
    assert question["prov:value"] == said["question"]
    assert {one["prov:value"] for one in prov.typed("entity", "copilot:Sentence").values()} == {
        said["first"],
        said["second"],
    }


def test_names_that_no_qualified_name_can_hold_are_written_so_that_it_can() -> None:
    odd = 'a b/c:d%e."<é>'
    entry = recorded({**TEXTS, "sub": odd, "operator": f"{odd}.", "document": "."})
    prov = read(prov_json(told(entry)))
    assert "tenant:person/a%20b%2Fc%3Ad%25e%2E%22%3C%C3%A9%3E" in prov.said["agent"]
    assert {one["prov:label"] for one in prov.typed("agent", "prov:Person").values()} == {
        odd,
        f"{odd}.",
    }


@pytest.mark.parametrize("gone", ["act", "question", "contexts", "answer", "decided", "model"])
@pytest.mark.parametrize("audience", Audience)
def test_it_is_valid_whatever_was_erased_and_says_what_was(gone: str, audience: Audience) -> None:
    prov = read(prov_json(told(recorded(erased={gone: ("c" * 32,)}), reader(audience))))
    [entry] = prov.typed("entity", "copilot:LedgerEntry").values()
    assert entry["copilot:erased"] == gone
    shown = entry.get("copilot:erasureEntry")
    assert shown == ("c" * 32 if audience is Audience.AUDITOR else None)


def test_one_record_gives_one_text_in_canonical_form() -> None:
    entry = recorded()
    text = prov_json(told(entry))
    assert prov_json(told(entry)) == text
    assert canonical(json.loads(text)) == text


def test_the_ask_has_its_times_its_people_and_its_policy() -> None:
    prov = read(prov_json(told()))
    [(ask, said)] = prov.typed("activity", "copilot:Ask").items()
    assert said["prov:startTime"] == "2023-11-14T22:13:20.000001+00:00"
    assert said["copilot:purpose"] == "investigation"
    [person] = prov.related("wasAttributedTo", entity=f"{ask.removesuffix('/ask')}/question")
    assert person["prov:agent"] == "tenant:person/ann"
    plans = {
        one["prov:plan"]
        for one in prov.related("wasAssociatedWith", activity=ask)
        if "prov:plan" in one
    }
    assert plans == {"tenant:policy/" + "cd" * 32}
    responsible = {
        one["prov:delegate"]
        for one in prov.related("actedOnBehalfOf", responsible="tenant:person/ann")
    }
    assert responsible == {"copilot:system", "tenant:operator/root"}
    [who] = [one for name, one in prov.said["agent"].items() if name == "tenant:person/ann"]
    assert who["copilot:compartment"] == ["HARBOR", "KITE"]


def test_each_sentence_is_derived_from_what_it_cites_as_from_a_primary_source() -> None:
    prov = read(prov_json(told()))
    sentences = prov.typed("entity", "copilot:Sentence")
    assert len(sentences) == 3
    [first] = [name for name, one in sentences.items() if one["prov:value"] == TEXTS["first"]]
    sources = prov.related("wasDerivedFrom", generatedEntity=first)
    assert [one["prov:usedEntity"] for one in sources] == [
        "tenant:chunk/chunk-open",
        "tenant:chunk/chunk-secret",
    ]
    assert {one["prov:type"]["$"] for one in sources} == {"prov:PrimarySource"}
    assert [one.get("copilot:quote") for one in sources] == ["quote of open", None]
    [answer] = prov.typed("entity", "copilot:Answer")
    assert {one["prov:entity"] for one in prov.related("hadMember", collection=answer)} == set(
        sentences
    )
    secret = prov.said["entity"]["tenant:chunk/chunk-secret"]
    assert secret["copilot:marking"] == "(S//HARBOR)"
    assert len(secret["copilot:sha256"]) == 64


def test_each_call_of_a_model_is_an_activity_of_that_model_by_its_prompt() -> None:
    prov = read(prov_json(told()))
    calls = prov.typed("activity", "copilot:ModelCall")
    named = {name.rpartition("/")[2]: call for name, call in calls.items()}
    assert named.keys() == {"generation", "consultation-1", "failed-1"}
    assert [name for name, one in named.items() if one.get("copilot:failed")] == ["failed-1"]
    given = {
        name: len(prov.related("used", activity=call))
        for name, call in zip(named, calls, strict=True)
    }
    assert given["failed-1"] == given["generation"] > given["consultation-1"]
    for name, call in calls.items():
        [made] = prov.related("wasAssociatedWith", activity=name)
        assert made["prov:agent"] == "copilot:model/anthropic/writer-1%2E5"
        assert made["prov:plan"] in prov.typed("entity", "prov:Plan")
        assert call["copilot:inputTokens"] == {"$": "900", "type": "xsd:integer"}
        assert call["copilot:costUsd"] == {"$": "0.00000042", "type": "xsd:decimal"}


def test_what_was_dropped_was_invalidated_by_the_check_that_dropped_it() -> None:
    prov = read(prov_json(told()))
    dropped = prov.typed("entity", "copilot:DroppedSentence")
    reasons = {
        one["copilot:reason"]: prov.said["activity"][one["prov:activity"]]["copilot:stage"]
        for one in prov.related("wasInvalidatedBy")
        if one["prov:entity"] in dropped
    }
    assert reasons[TEXTS["dropped"]] == "citation"
    assert "scan" in reasons.values()
    [check] = prov.typed("activity", "copilot:PolicyRecheck")
    [used] = prov.related("used", activity=check)
    assert (used["prov:entity"], used["copilot:why"]) == ("tenant:chunk/chunk-top", "policy")


def test_the_entry_has_its_leaf_and_its_proof() -> None:
    entry = recorded()
    prov = read(prov_json(told(entry)))
    [(name, said)] = prov.typed("entity", "copilot:LedgerEntry").items()
    assert said["copilot:leaf"].encode() == entry.leaf
    assert said["copilot:leafHash"] == entry.leaf_hash
    assert said["copilot:inclusionPath"].split() == list(PROOF.inclusion_path)
    [(checkpoint, signed)] = prov.typed("entity", "copilot:Checkpoint").items()
    assert signed["prov:value"] == PROOF.checkpoint
    assert prov.related("hadMember", collection=checkpoint, entity=name)
    unsealed = read(prov_json(replace(told(entry), proof=None)))
    assert not unsealed.typed("entity", "copilot:Checkpoint")


def test_the_reader_of_these_tests_finds_what_is_wrong() -> None:
    good = json.loads(prov_json(told()))

    def broken(*path: str, value: object) -> str:
        whole = json.loads(json.dumps(good))
        place = whole
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        return json.dumps(whole)

    wrong = [
        broken("used", "_:used1", "prov:entity", value="tenant:nothing"),
        broken("used", "_:used1", "prov:entity", value="tenant:person/ann"),
        broken("entity", "other:x", value={}),
        broken("entity", "tenant:a b", value={}),
        broken("entity", "tenant:person/ann", value={}),
        broken("agent", "copilot:system", "copilot:x", value=3),
        broken("agent", "copilot:system", "copilot:x", value={"$": "1e3", "type": "xsd:decimal"}),
        broken("hadMember", "_:hadMember1", "copilot:x", value="y"),
        broken("wasTold", value={}),
    ]
    for one in wrong:
        with pytest.raises((AssertionError, KeyError)):
            Prov(one)
