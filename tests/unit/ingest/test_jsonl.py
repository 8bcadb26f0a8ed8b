"""Each record of a JSONL file is a document or is named with its line; neither stops the rest."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copilot.ingest import jsonl, source
from copilot.ingest.documents import Document, Rejected
from copilot.ingest.reader import read
from policy.labels import Classification, Label

U = Label(tenant="t1", classification=Classification.U)


def _read(path: Path, content: str | bytes, default: Label | None = U) -> list[Document | Rejected]:
    path.write_bytes(
        content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    )
    return list(read([path], tenant="t1", default_label=default))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.jsonl"


def test_a_record_is_one_part_with_its_label_and_metadata(path: Path) -> None:
    record = {
        "id": "a",
        "title": "",
        "text": " One.\n\nTwo.",
        "label": {"classification": "S"},
        "metadata": {"n": 1},
        "kind": "log",
    }
    (document,) = _read(path, json.dumps(record), default=None)
    assert isinstance(document, Document)
    assert (document.document_id, document.title) == ("a", "")
    assert [(p.label.classification.value, p.text) for p in document.parts] == [
        ("S", " One.\n\nTwo.")
    ]
    assert document.metadata == {"n": 1, "kind": "log"}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{", "not a JSON record"),
        ("[1]", "object"),
        ('{"id": 5, "text": "x"}', "`id`"),
        ('{"id": "a", "text": 5}', "`text`"),
        ('{"id": "a"}', "`text`"),
        ('{"id": "a", "text": " "}', "empty"),
        ('{"id": "a", "text": "x", "title": []}', "`title`"),
        ('{"id": "a", "text": "x", "metadata": [1]}', "`metadata`"),
        ('{"id": "a", "text": "x", "metadata": {"n": NaN}}', "NaN"),
        ('{"id": "a", "text": "x", "label": {"classification": "X"}}', "classification"),
        ('{"id": "a", "text": "x", "label": {"classification": "U", "tenant": "t2"}}', "tenant"),
        (
            '{"id": "a", "text": "x", "label": {"classification": "S"}, "label": {"classification": "U"}}',
            "twice",
        ),
        ('{"id": "a", "text": "(S) x"}', "marked above"),
        ('{"id": "a", "text": "One.\\n\\n(S) x"}', "marked above"),
        ('{"id": "a", "text": "[S] x"}', "looks like a portion mark"),
        ('{"id": "a", "text": "S//NF"}', "looks like a portion mark"),
        ('{"id": "a", "text": "\\u0000"}', "NUL"),
        ('{"id": "a", "text": "\\ud800"}', "UTF-8"),
        ("[" * 100_000, "not a JSON record"),
        (b"\xff", "UTF-8"),
    ],
)
def test_a_bad_record_is_named_with_its_line_and_the_rest_goes_on(
    path: Path, bad: str | bytes, reason: str
) -> None:
    good = b'{"id": "%d", "text": "x"}'
    line = bad if isinstance(bad, bytes) else bad.encode()
    first, rejected, last = _read(path, b"\n".join([good % 1, b"", line, good % 2]))
    assert isinstance(first, Document)
    assert isinstance(last, Document)
    assert isinstance(rejected, Rejected)
    assert rejected.line == 3
    assert reason in rejected.reason


def test_metadata_is_not_released_by_a_mark_on_the_title(path: Path) -> None:
    record = {"id": "a", "text": "x", "label": {"classification": "S"}, "source": "D. Ferro"}
    lowered, kept = _read(
        path, "\n".join(json.dumps(record | {"title": title}) for title in ("(U) T", "(TS) T"))
    )
    assert isinstance(lowered, Document)
    assert isinstance(kept, Document)
    assert (lowered.label, lowered.metadata) == (U, {})
    assert kept.metadata == {"source": "D. Ferro"}


def test_a_record_without_a_label_needs_a_default(path: Path) -> None:
    (rejected,) = _read(path, '{"id": "a", "text": "x"}', default=None)
    assert isinstance(rejected, Rejected)
    assert "--label" in rejected.reason


def test_a_default_label_of_another_tenant_is_refused(path: Path) -> None:
    other = Label(tenant="t2", classification=Classification.U)
    (rejected,) = _read(path, '{"id": "a", "text": "x"}', default=other)
    assert isinstance(rejected, Rejected)
    assert "tenant" in rejected.reason


def test_a_record_that_is_too_large_is_refused_and_the_next_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "MOST_TEXT", 100)
    large, small = ({"id": "a", "text": "x" * size} for size in (101, 100))
    rejected, document = _read(path, f"{json.dumps(large)}\n{json.dumps(small)}")
    assert isinstance(rejected, Rejected)
    assert "10 MB" in rejected.reason
    assert isinstance(document, Document)


def test_a_line_beyond_the_limit_is_skipped_without_being_held(path: Path) -> None:
    path.write_bytes(b"a\n" + b"x" * 5_000 + b"\nb\n")
    lines = list(source.lines(path, most=1_000))
    assert [(line.number, line.text, bool(line.fault)) for line in lines] == [
        (1, "a", False),
        (2, "", True),
        (3, "b", False),
    ]


VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda v: st.lists(v) | st.dictionaries(st.text(), v),
    max_leaves=8,
)
RECORDS = st.dictionaries(
    st.sampled_from(["id", "title", "text", "label", "metadata", "x"]), VALUES
).map(json.dumps)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary() | st.lists(RECORDS).map("\n".join))
def test_no_content_makes_ingest_fail(path: Path, content: str | bytes) -> None:
    assert all(isinstance(result, Document | Rejected) for result in _read(path, content))
