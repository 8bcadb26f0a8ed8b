"""Who is told what of one record: auditors all that their labels open, the asker what was given, others the answer."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from copilot.ledger.opened import opened
from copilot.provenance.account import Account, Audience, State
from copilot.provenance.page import page
from copilot.provenance.prov import prov_json
from copilot.provenance.told import account
from policy.errors import BadInput, Unavailable
from policy.labels import ORIGINATOR_CONTROLLED
from tests.unit.provenance.entries import (
    TEXTS,
    TOP,
    USAGE,
    S,
    U,
    details,
    passage,
    quotes,
    reader,
    recorded,
    sentence,
    told,
)


def forms(found: Account) -> str:
    return (page(found) + prov_json(found)).decode()


def withheld(found: Account) -> set[str]:
    return {one.name for one in found.commitments if one.state is State.WITHHELD}


def test_an_auditor_is_told_everything() -> None:
    found = told()
    assert withheld(found) == set()
    assert [one.chunk_id for one in found.refused] == ["chunk-top"]
    assert len(found.dropped) == 2
    assert dict(found.findings)["text that was planted to detect leaks"] == 1
    assert found.scope == ("ab" * 32, 3)


def test_the_asker_is_not_told_of_what_they_were_not_to_know_of() -> None:
    found = told(to=reader(Audience.ASKER))
    assert withheld(found) == {"recheck_dropped", "scope"}
    assert found.refused == ()
    assert found.scope is None
    assert [one.stage for one in found.dropped] == ["citation"]
    assert found.findings == (("personal data: an e-mail address", 2),)
    for said in ("chunk-top", "IR-2024-019", "planted to detect"):
        assert said not in forms(found)


def test_findings_that_nobody_knows_by_now_are_told_to_auditors_alone() -> None:
    entry = recorded(scan={"a_new_kind": 1})
    assert told(entry, reader(Audience.ASKER)).findings == ()
    assert told(entry).findings == (("a_new_kind", 1),)


def test_other_readers_are_not_told_how_it_was_found() -> None:
    found = told(to=reader(Audience.READER))
    assert found.question == TEXTS["question"]
    assert len(found.sentences) == 3
    assert (found.plan, found.person, found.unnamed, found.degraded) == (None, None, (), ())
    assert (found.dropped, found.findings, found.refused) == ((), (), ())
    assert [one.name for one in found.calls] == ["generation"]
    assert found.calls[0].usage is None
    assert TEXTS["said"] not in forms(found)


def test_a_call_that_came_to_nothing_is_told_with_what_it_cost() -> None:
    unknown = {"provider": "anthropic", "model": "m", "why": "overloaded", "duration_ms": 5}
    entry = recorded(failed_calls=[*details()["failed_calls"], unknown, {**unknown, "usage": None}])
    for to in (reader(Audience.AUDITOR), reader(Audience.ASKER)):
        first, *others = [one for one in told(entry, to).calls if one.failed]
        assert (first.name, first.failed, first.attempts) == ("failed-1", TEXTS["failed"], 1)
        assert first.usage == {**USAGE, "duration_ms": 70}
        assert [(one.failed, one.usage) for one in others] == [
            ("overloaded", {"duration_ms": 5})
        ] * 2
        assert forms(told(entry, to)).count("overloaded") == 4
    assert not any(one.failed for one in told(entry, reader(Audience.READER)).calls)


@pytest.mark.parametrize("audience", [Audience.ASKER, Audience.READER])
def test_records_that_erased_something_are_named_to_auditors_alone(audience: Audience) -> None:
    entry = recorded(erased={"question": ("c" * 32,)})
    found = told(entry, reader(audience))
    assert found.state("question") is State.ERASED
    assert "c" * 32 not in forms(found)
    assert "c" * 32 in forms(told(entry))


def test_fields_that_the_roles_do_not_open_are_left_out() -> None:
    found = told(to=reader(Audience.ASKER, fields=frozenset()))
    assert found.plan is None
    assert all(one.usage is None for one in found.calls)
    assert "plan" in withheld(found)


def test_without_a_label_its_sources_and_all_that_rests_on_them_are_left_out() -> None:
    found = told(to=reader(labels=frozenset([U, TOP])))
    assert [one.chunk_id for one in found.sources] == ["chunk-open"]
    assert [one.text for one in found.sentences] == [TEXTS["second"]] * 2
    assert [one.number for one in found.citations()] == [1, 2]
    assert found.banner == "U"
    for hidden in ("chunk-secret", "IR-2024-018", TEXTS["first"], "HARBOR)"):
        assert hidden not in forms(found), hidden


def test_hidden_sources_change_nothing_of_what_else_is_told() -> None:
    """But the leaf, whose commitments are salted, and what is said of the model's work as a whole."""

    def entry(**changes: Any) -> Account:
        found = told(recorded(**changes), reader(labels=frozenset([U])))
        return _unmarked(found)

    whole = details()
    open_alone = {
        "contexts": whole["contexts"][:1],
        "answer": whole["answer"][1:],
        "recheck_dropped": [],
        "consulted": [whole["consulted"][0] | {"said": [TEXTS["said"], "chunk-open"]}],
    }
    assert entry() == entry(**open_alone)


def test_a_sentence_whose_sources_are_not_recorded_is_not_told() -> None:
    """Where no label is known nobody can say that it is open."""
    assert told(recorded(erased={"contexts": ()})).sentences == ()


def test_documents_go_by_the_ids_that_the_reader_may_know() -> None:
    known = {"chunk-open": "part-open", "chunk-secret": "part-secret"}
    found = told(to=reader(Audience.READER, known_as=known))
    assert [one.document_id for one in found.sources] == ["part-open", "part-secret"]
    assert TEXTS["document"] not in forms(found)
    fewer = told(to=reader(Audience.READER, known_as={"chunk-open": "part-open"}))
    assert [one.text for one in fewer.sentences] == [TEXTS["second"]] * 2


def test_a_quote_that_is_not_what_was_recorded_is_not_shown() -> None:
    shown = [one.quote for one in told().citations()]
    assert shown == ["quote of open", None, "quote of open", "quote of open"]


def test_quotes_that_stay_with_the_originator_are_shown_to_the_asker_alone() -> None:
    label = S.join(
        type(S)(
            tenant="t1",
            classification=U.classification,
            handling=frozenset([ORIGINATOR_CONTROLLED]),
        )
    )
    entry = recorded(contexts=[passage("open", "d", label)], answer=[sentence("x", "(S)", "open")])
    labels = frozenset([label])
    for audience, quote in ((Audience.ASKER, "quote of open"), (Audience.AUDITOR, None)):
        [citation] = told(entry, reader(audience, labels=labels)).citations()
        assert citation.quote == quote


def test_an_opening_that_its_leaf_does_not_commit_to_opens_nothing() -> None:
    entry = recorded()
    rows = [{"name": "question", "salt": b"s" * 16, "value": b'"another"'}]
    with pytest.raises(Unavailable, match="not what was recorded"):
        opened(entry.ledger_id, entry.leaf, rows)


def test_a_record_of_another_form_is_named() -> None:
    entry = recorded(contexts=[{"chunk": 1}])
    with pytest.raises(BadInput, match=f"{entry.ledger_id} is written in a form"):
        account(entry, reader(), quotes())


def _unmarked(found: Account) -> Account:
    return replace(
        found,
        ledger_id="",
        recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
        leaf="",
        leaf_hash="",
        commitments=(),
    )
