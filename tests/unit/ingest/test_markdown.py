"""Portion-marked files become one part for each label, as if the other paragraphs had never been there."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copilot.ingest.documents import Document, Rejected
from copilot.ingest.front_matter import _Fields
from copilot.ingest.reader import read
from policy.labels import Classification, Label

U = Label(tenant="t1", classification=Classification.U)
S = Label(tenant="t1", classification=Classification.S)
S_NF = Label(tenant="t1", classification=Classification.S, releasable_to=frozenset(["USA"]))

Ingest = Callable[..., Document | Rejected]


@pytest.fixture
def ingest(tmp_path: Path) -> Ingest:
    def one(
        content: str | bytes, default: Label | None = None, name: str = "note.md"
    ) -> Document | Rejected:
        path = tmp_path / name
        path.write_bytes(
            content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        )
        (result,) = read([path], tenant="t1", default_label=default)
        return result

    return one


def _taken(result: Document | Rejected) -> Document:
    assert isinstance(result, Document), result
    return result


def _refused(result: Document | Rejected) -> Rejected:
    assert isinstance(result, Rejected), result
    return result


def test_paragraphs_of_one_label_are_one_part_in_order_without_their_marks(ingest: Ingest) -> None:
    document = _taken(ingest("(U) One.\n\n(S//NF) Two.\n\n(U) Three.\nStill three.\n"))
    assert [(part.label, part.text) for part in document.parts] == [
        (U, "One.\n\nThree.\nStill three."),
        (S_NF, "Two."),
    ]
    assert document.label == S_NF


PARAGRAPH = st.tuples(
    st.sampled_from(["(U) ", "(C) ", "(S//NF) ", "# (S//HARBOR) ", ""]),
    st.sampled_from(["One.", "Two.\nMore.", "- x"]),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(paragraphs=st.lists(PARAGRAPH, min_size=2, max_size=8), gone=st.integers(0, 7))
def test_removing_the_paragraphs_of_one_label_leaves_the_other_parts_as_they_are(
    ingest: Ingest, paragraphs: list[tuple[str, str]], gone: int
) -> None:
    mark = paragraphs[gone % len(paragraphs)][0]
    kept = [p for p in paragraphs if p[0] != mark]
    if not kept:
        return
    head = "---\nid: d\ntitle: T\n---\n"
    full = _taken(ingest(head + "\n\n".join(map("".join, paragraphs)), default=S))
    reduced = _taken(ingest(head + "\n\n".join(map("".join, kept)), default=S))
    labels = {part.label for part in reduced.parts}
    assert [part for part in full.parts if part.label in labels] == list(reduced.parts)


def test_front_matter_gives_id_title_label_and_metadata(ingest: Ingest) -> None:
    text = '---\nid: R-1\ntitle: "Report"\nlabel: {classification: S}\ndate: 2024-03-02\nto: [NO, SE]\n---\nText.\n'
    document = _taken(ingest(text))
    assert (document.document_id, document.title, document.label) == ("R-1", "Report", S)
    assert document.metadata == {"date": "2024-03-02", "to": ["NO", "SE"]}
    assert document.source == "note.md"


def test_without_front_matter_the_stem_is_the_id_and_the_first_heading_the_title(
    ingest: Ingest,
) -> None:
    document = _taken(ingest("# Report\n\nText.\n", default=U))
    assert (document.document_id, document.title, document.parts[0].text) == (
        "note",
        "Report",
        "Text.",
    )


def test_a_heading_that_repeats_the_title_is_dropped_and_another_kept(ingest: Ingest) -> None:
    assert _taken(ingest("---\ntitle: A\n---\n# A\n\nText.", default=U)).parts[0].text == "Text."
    assert (
        _taken(ingest("---\ntitle: A\n---\n# B\n\nText.", default=U)).parts[0].text
        == "# B\n\nText."
    )


def test_a_mark_on_the_title_is_the_label_of_the_document(ingest: Ingest) -> None:
    document = _taken(ingest('---\ntitle: "(U) Report"\n---\n(S) Text.'))
    assert (document.title, document.label) == ("Report", U)


@pytest.mark.parametrize(
    ("head", "default", "kept"),
    [
        ('title: "(U) Report"\nlabel: S//HARBOR', None, False),
        ('title: "(S) Report"\nlabel: S//HARBOR', None, False),
        ('title: "(U) Report"', S, False),
        ('title: "(U) Report"', None, False),
        ('title: "(S//HARBOR) Report"\nlabel: S//HARBOR', None, True),
        ('title: "(U) Report"\nlabel: U', None, True),
        ("title: Report\nlabel: S", None, True),
        ("title: Report", None, True),
    ],
)
def test_metadata_is_not_released_by_a_mark_on_the_title(
    ingest: Ingest, head: str, default: Label | None, kept: bool
) -> None:
    document = _taken(
        ingest(f"---\n{head}\nsource: Daniel Ferro (PILOTFISH)\n---\n(S) Text.", default)
    )
    assert document.metadata == ({"source": "Daniel Ferro (PILOTFISH)"} if kept else {})
    assert document.source == "note.md"


def test_metadata_is_dropped_where_every_paragraph_is_marked_below_the_front_matter(
    ingest: Ingest,
) -> None:
    document = _taken(ingest("---\nlabel: S//HARBOR\nsource: D. Ferro\n---\n(U) Text."))
    assert (document.label, document.metadata) == (U, {})


@pytest.mark.timed
def test_the_time_to_read_front_matter_grows_with_its_fields_and_no_faster() -> None:
    keys = [(yaml.ScalarNode("k", f"k{n}"), yaml.ScalarNode("v", "v")) for n in range(20_000)]
    began = time.perf_counter()
    assert len(_Fields("").construct_mapping(yaml.MappingNode("m", keys))) == len(keys)
    assert time.perf_counter() - began < 1


def test_a_title_taken_from_a_heading_is_never_below_the_headings_label(ingest: Ingest) -> None:
    assert _taken(ingest("# (S//NF) Secret name\n\n(U) Text.")).label == S_NF
    assert _taken(ingest("# Secret name\n\n(U) Text.", default=S)).label == S
    assert (
        _taken(ingest("---\ntitle: Secret name\n---\n# (S//NF) Secret name\n\n(U) Text.")).label
        == S_NF
    )


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("Text without a label.", 1, "--label"),
        ("(U) One.\n\nTwo.", 3, "--label"),
        ("---\nid: x\n---\n\n(S//nf) Two.", 5, "mark"),
        ("(U) One.\n(S) Two.", 1, "inside a paragraph"),
        ("(U) One.\n\na. (S//HARBOR) Two.", 3, "mark"),
        ("(U) One.\n\n# 1. (S) Two", 3, "mark"),
        ("(U) One.\n\n(U) Two (S//HARBOR) three.", 3, "inside a paragraph"),
        ("---\nid: x\n", 1, "without an end"),
        ("---\nid: [x\n---\nText.", 3, "YAML"),
        ("---\na: &b [1]\nc: *b\n---\nText.", 2, "references"),
        ("---\nlabel: {classification: S}\nlabel: {classification: U}\n---\nText.", 2, "twice"),
        ("---\nlabel: {classification: X}\n---\nText.", None, "classification"),
        ("---\nlabel: {classification: U, tenant: other}\n---\nText.", None, "tenant"),
        ("---\nid: x\n---\n", None, "no text"),
        ("---\nid: [a]\n---\n(U) Text.", None, "id"),
        ("  \n", None, "empty"),
        (b"\xff\xfeT\x00", None, "UTF-8"),
        (b"(U) One.\x00", None, "NUL"),
        ("caf\u00e9".encode("latin-1"), None, "UTF-8"),
    ],
)
def test_what_cannot_be_taken_is_named_with_its_line_and_reason(
    ingest: Ingest, text: str | bytes, line: int | None, reason: str
) -> None:
    rejected = _refused(ingest(text))
    assert (rejected.source, rejected.line) == ("note.md", line)
    assert reason in rejected.reason


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary() | st.text(alphabet="-:\n#()US/& *[]{}!a\u00e9\ud800") | st.text())
def test_no_content_makes_ingest_fail(ingest: Ingest, content: str | bytes) -> None:
    for text in (
        content,
        b"---\n" + content + b"\n---\nText."
        if isinstance(content, bytes)
        else f"---\n{content}\n---\nText.",
    ):
        for name in ("note.md", "note.txt"):
            assert isinstance(ingest(text, default=U, name=name), Document | Rejected)
