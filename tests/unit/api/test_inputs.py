"""What clients give to `ingest` is read no lower than it is marked."""

import pytest

from copilot.api.inputs import DocumentInput, LabelInput, PartInput, read
from copilot.ingest.documents import Document, Rejected
from policy.labels import Classification

U, S, TS = (LabelInput(classification=Classification(level)) for level in ("U", "S", "TS"))


def _read(document: DocumentInput) -> Document | Rejected:
    (result,) = read([document], "t1")
    return result


@pytest.mark.parametrize(
    "text",
    [
        "(TS//LANTERN) The informant.",
        "One.\n\n(S) Two.",
        "a. (S//NF) Two.",
        "One (S//NF) two.",
        "One.\n(S) Two.",
    ],
)
def test_a_text_marked_above_the_label_of_its_part_is_refused(text: str) -> None:
    rejected = _read(
        DocumentInput(
            id="d", parts=[PartInput(text="Fine.", label=U), PartInput(text=text, label=U)]
        )
    )
    assert isinstance(rejected, Rejected)
    assert rejected.source == "documents[0]"
    assert rejected.reason.startswith("parts[1].text")


def test_a_text_marked_within_the_label_of_its_part_is_taken_as_it_is() -> None:
    document = _read(DocumentInput(id="d", parts=[PartInput(text="(S) One.", label=TS)]))
    assert isinstance(document, Document)
    assert [part.text for part in document.parts] == ["(S) One."]


@pytest.mark.parametrize(
    ("title", "label", "kept"),
    [
        ("(U) T", None, False),
        ("(U) T", S, False),
        ("(S) T", None, True),
        ("T", None, True),
        ("T", U, True),
    ],
)
def test_metadata_is_not_released_by_a_mark_on_the_title(
    title: str, label: LabelInput | None, kept: bool
) -> None:
    given = DocumentInput(
        id="d",
        title=title,
        parts=[PartInput(text="x", label=S)],
        label=label,
        metadata={"source": "Daniel Ferro"},  # type: ignore[arg-type]
    )
    document = _read(given)
    assert isinstance(document, Document)
    assert document.metadata == ({"source": "Daniel Ferro"} if kept else {})
