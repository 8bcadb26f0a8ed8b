"""A deletion takes what was made of a document while it had another label, or another text."""

import psycopg
import pytest

from copilot.acts import Copilot
from copilot.ledger.verify import verify
from copilot.results import Relabelled
from tests.integration.erased import found, said
from tests.integration.test_erasure import (
    ANN,
    LOW,
    OTHER,
    TEXT,
    S,
    U,
    answered,
    deleted,
    document,
)

pytestmark = pytest.mark.anyio

IN_OTHER_WORDS = "Who did the harbour master meet?"
REVISED = "The watchman of Kestrel Quay takes back all that he had told of the third of May, he was asleep."


async def relabelled(copilot: Copilot, name: str = "a") -> None:
    outcome = await copilot.administration.relabel(ANN, name, S)
    assert isinstance(outcome, Relabelled), outcome


async def test_what_was_asked_of_it_under_a_lower_label_goes_with_it(
    copilot: Copilot, database_url: str
) -> None:
    await copilot.ingest(ANN, [document("a", label=U, title=""), document("b", OTHER, U, title="")])
    given = await answered(copilot, who=LOW)
    assert {c.document_id for s in given.sentences for c in s.citations} == {"a"}
    await relabelled(copilot)
    assert found(said(database_url), TEXT) >= {"answers.body", "ledger_openings.value"}
    await deleted(copilot)
    assert found(said(database_url), TEXT) == set()
    assert found(said(database_url), OTHER) >= {"parts.text", "chunks.text"}
    assert (await verify(database_url)).problems == []


async def test_what_was_asked_of_an_earlier_text_goes_with_it(
    copilot: Copilot, database_url: str
) -> None:
    await copilot.ingest(ANN, [document("a", title=""), document("b", OTHER, title="")])
    await answered(copilot, IN_OTHER_WORDS)
    await copilot.ingest(ANN, [document("a", REVISED, title="")])
    assert found(said(database_url), TEXT) >= {"answers.body", "ledger_openings.value"}
    await deleted(copilot)
    assert found(said(database_url), TEXT, REVISED) == set()
    assert found(said(database_url), OTHER) >= {"parts.text", "chunks.text"}


async def test_an_earlier_text_goes_after_both_a_new_one_and_a_new_label(
    copilot: Copilot, database_url: str
) -> None:
    await copilot.ingest(ANN, [document("a", label=U, title="")])
    await answered(copilot, IN_OTHER_WORDS, LOW)
    await copilot.ingest(ANN, [document("a", REVISED, U, title="")])
    await relabelled(copilot)
    await deleted(copilot)
    assert found(said(database_url), TEXT, REVISED) == set()


async def test_nothing_is_known_of_it_afterwards(copilot: Copilot, database_url: str) -> None:
    await copilot.ingest(ANN, [document("a", label=U, title="")])
    await copilot.ingest(ANN, [document("a", REVISED, U, title="")])
    await relabelled(copilot)
    with psycopg.connect(database_url) as owner:
        counted = "SELECT count(*), count(DISTINCT document_key) FROM former_chunks"
        former = owner.execute(counted).fetchone()
    assert former is not None
    assert former[0] >= 2
    assert former[1] == 1, "all of it hangs on the document of now"
    await deleted(copilot)
    with psycopg.connect(database_url) as owner:
        assert owner.execute("SELECT count(*) FROM former_chunks").fetchone() == (0,)


async def test_another_document_of_that_name_keeps_what_was_asked_of_it(
    copilot: Copilot, database_url: str
) -> None:
    """The one is under U, the other under S; who deletes only the first takes nothing of the second."""
    await copilot.ingest(ANN, [document("a", label=U, title="")])
    await copilot.ingest(ANN, [document("a", REVISED, U, title="")])
    await copilot.ingest(ANN, [document("a", OTHER, S, title="")])
    await answered(copilot, "Who keeps the books of Alder Shipping?")
    await deleted(copilot, who=LOW)
    assert found(said(database_url), REVISED) == set()
    assert found(said(database_url), OTHER) >= {"parts.text", "answers.body"}
