"""What of a document goes into the index of a part: as much as everyone who reads the part may know."""

import pytest

from copilot.ingest.documents import Document, Part
from copilot.ingest.prepare import heading, prepare
from copilot.testing import FakeEmbedder
from policy.labels import Classification, Label
from retrieval.terms import Terms

pytestmark = pytest.mark.anyio

U, S = (Label(tenant="t1", classification=one) for one in (Classification.U, Classification.S))
GERMAN = "Das Schiff verließ die Häfen am Montag, und niemand weiß, wohin es fuhr."


def language(metadata: dict[str, object], about: Label, text: str) -> str:
    return heading("Pilotfish", metadata, about, U, text).language


def test_metadata_name_the_language_only_where_readers_may_know_them() -> None:
    assert language({"language": "fr"}, U, GERMAN) == "french"
    assert language({"language": "fr"}, S, GERMAN) == "german"
    assert language({"language": "tlh"}, U, GERMAN) == "german"
    assert language({}, U, "The ship left.") == "english"


async def test_a_part_is_cut_by_its_own_words_whatever_the_other_parts_are_in() -> None:
    english = "The ship left the ports on a Monday, and nobody knows where it went."
    document = Document(
        document_id="a",
        title="Pilotfish",
        label=S,
        parts=(Part(label=U, text=GERMAN), Part(label=S, text=english)),
        source="test",
    )
    low, high = (await prepare(document, FakeEmbedder(), Terms())).parts
    assert "haf" in low.chunks[0].terms
    assert "pilotfish" not in low.chunks[0].terms
    assert {"port", "monday"} <= high.chunks[0].terms.keys()
    assert high.chunks[0].terms["pilotfish"] == 3
