"""The command line as checks outside the project call it: what it prints, and how it ends."""

import base64
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a secret of at least thirty-two bytes"
ANN = {
    "tenant": "t1",
    "clearance": "S",
    "compartments": ["SI"],
    "nationality": "USA",
    "authorities": [],
    "roles": ["analyst", "ingester"],
    "purposes": ["investigation"],
}
PRINCIPALS = {
    "ann": ANN,
    "bob": ANN | {"clearance": "U", "compartments": [], "roles": ["analyst"]},
    "aud": ANN | {"roles": ["auditor"]},
}
MARKDOWN = """---
id: report
title: Harbour report
label: {"classification": "U"}
---

The tanker Sable Heron belongs to Marlow Shipping of Valletta.

(S//SI) The real owner of the Sable Heron is Anton Drell, who was born in Tolm in 1969.
"""
RECORDS = [
    {
        "id": f"note-{n}",
        "title": f"Note {n}",
        "text": f"On {n} May 2024 the crew of the Sable Heron painted berth {n}.",
        "label": {"classification": "U"},
    }
    for n in range(1, 13)
]
QUESTION = "Who is the real owner of the Sable Heron?"
NOBODY = "What did Zebulon Quagmire drink?"
CONTEXT = {"document_id", "part_id", "chunk_id", "title", "text", "start", "end", "score", "label",
           "marking", "arms"}  # fmt: skip
ANSWER = {"kind", "text", "banner", "sentences", "explanation", "answer_id", "ledger_id", "model",
          "usage", "timings_ms"}  # fmt: skip
CITATION = {"document_id", "part_id", "chunk_id", "start", "end", "quote", "quote_sha256", "label",
            "entities", "relation"}  # fmt: skip


@dataclass
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)


@dataclass
class Program:
    """The program on one data directory."""

    folder: Path
    models: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str | Path, stdin: str = "", **environment: str) -> Ended:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("COPILOT_", "ANTHROPIC"))}
        given = {
            "COPILOT_DATA_DIR": str(self.folder / "data"),
            "COPILOT_MODELS_DIR": str(self.models),
            "COPILOT_PRINCIPALS": str(self.folder / "principals.json"),
            "COPILOT_JWT_SECRET": SECRET,
            **self.environment,
            **environment,
        }
        done = subprocess.run(
            [sys.executable, "-m", "copilot", *arguments],
            cwd=ROOT,
            env=kept | {k: v for k, v in given.items() if v},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def file(self, name: str, content: str) -> Path:
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return path


def fails(ended: Ended, *words: str, code: int = 1) -> None:
    """One clear line on standard error that has these words, and no traceback."""
    assert ended.code == code, ended
    [line] = ended.err.splitlines()
    assert "Traceback" not in ended.err
    for word in words:
        assert word in line


@pytest.fixture(scope="module")
def copilot(models_dir: Path) -> Iterator[Program]:
    """Outside pytest's own folders, which the user whom Postgres runs as may not enter."""
    with tempfile.TemporaryDirectory(prefix="copilot-cli-") as directory:
        program = Program(Path(directory), models_dir)
        program.file("principals.json", json.dumps(PRINCIPALS))
        yield program


@pytest.fixture(scope="module")
def loaded(copilot: Program) -> Program:
    """With a report and twelve notes."""
    report = copilot.file("report.md", MARKDOWN)
    notes = copilot.file("notes.jsonl", "\n".join(map(json.dumps, RECORDS)))
    ended = copilot("ingest", report, notes, "--as", "ann", "--json")
    assert ended.code == 0, ended
    assert ended.json == {"ingested": 13, "unchanged": 0, "rejected": [], "notes": []}
    return copilot


@pytest.mark.timed
def test_ingest_says_what_it_took_and_what_not(loaded: Program) -> None:
    head = "transaction_id,date,from_account,from_name,to_account,to_name,amount,currency,reference,marking\n"
    csv = loaded.file("bad.csv", head + "T-1,2024-05-01,X1,A Ltd,Y1,B Ltd,many,EUR,rent,U\n")
    plain = loaded.file("plain.md", "No label stands here.")
    odd = loaded.file(
        "odd.jsonl", '{"id": "x", "text": "y", "label": {"classification": "COSMIC"}}'
    )
    huge = loaded.folder / "huge.txt"
    with huge.open("wb") as file:
        file.truncate(200 << 20)
    begun = time.monotonic()
    files = [csv, plain, odd, huge, loaded.folder / "none.md", loaded.folder / "report.md"]
    ended = loaded("ingest", *files, "--as", "ann", "--json")
    assert time.monotonic() - begun < 15
    assert ended.code == 1
    assert ended.json["unchanged"] == 1
    reasons: dict[str, tuple[int | None, str]] = {}
    for one in ended.json["rejected"]:
        reasons.setdefault(one["source"], (one["line"], one["reason"]))
    assert set(reasons) == {"bad.csv", "plain.md", "odd.jsonl", "huge.txt", "none.md"}
    assert "--label" in reasons["plain.md"][1]
    assert reasons["odd.jsonl"][0] == 1
    assert "COSMIC" in reasons["odd.jsonl"][1]
    assert "larger than 10 MB" in reasons["huge.txt"][1]
    assert reasons["bad.csv"][0] == 2
    assert "many" in reasons["bad.csv"][1]
    labelled = loaded("ingest", plain, "--as", "ann", "--label", '{"classification": "U"}')
    assert labelled.code == 0
    assert "1 documents ingested" in labelled.out


def test_ask_answers_with_checked_citations(loaded: Program) -> None:
    ended = loaded("ask", QUESTION, "--as", "ann", "--json")
    assert ended.code == 0
    answer = ended.json
    assert set(answer) == ANSWER
    assert answer["kind"] == "Answer"
    assert "Anton Drell" in answer["text"]
    assert set(answer["explanation"]) == {"plan", "arms", "paths"}
    for sentence in answer["sentences"]:
        assert set(sentence) == {"text", "marking", "citations"}
        assert sentence["citations"]
        assert all(set(citation) == CITATION for citation in sentence["citations"])
    assert "SI" in answer["banner"]
    shown = loaded("ask", QUESTION, "--as", "ann")
    assert shown.code == 0
    assert "Anton Drell" in shown.out


def test_a_file_of_questions_gives_a_line_for_each_in_order(loaded: Program) -> None:
    questions = [("q2", QUESTION), ("q1", NOBODY), ("q3", QUESTION)]
    lines = "\n".join(json.dumps({"id": i, "question": q}) for i, q in questions)
    path = loaded.file("questions.jsonl", lines + "\n\n")
    for command, kinds in (
        ("ask", ["Answer", "NotFound", "Answer"]),
        ("search", ["SearchResult"] * 3),
    ):
        ended = loaded(command, "--file", path, "--as", "ann", "--json")
        assert ended.code == 0
        values = [json.loads(line) for line in ended.out.splitlines()]
        assert [value["id"] for value in values] == ["q2", "q1", "q3"]
        assert [value["kind"] for value in values] == kinds
    piped = loaded("ask", "--file", "-", "--as", "ann", "--json", stdin=lines)
    assert len(piped.out.splitlines()) == 3


def test_search_gives_passages(loaded: Program) -> None:
    found = loaded("search", "Which berth did the crew paint?", "--as", "bob", "--k", "5", "--json")
    assert found.code == 0
    assert set(found.json) >= {"kind", "contexts", "timings_ms"}
    contexts = found.json["contexts"]
    assert all(set(context) >= CONTEXT for context in contexts)
    assert len({context["document_id"] for context in contexts}) == len(contexts) == 5
    assert {hit["arm"] for one in contexts for hit in one["arms"]} <= {"vector", "keyword", "graph"}
    assert "total" not in found.json["timings_ms"]
    few = loaded("search", QUESTION, "--as", "ann", "--json")
    assert 1 <= len(few.json["contexts"]) <= 3


def test_governed_results_end_well(loaded: Program) -> None:
    hidden = loaded("ask", "Where was Anton Drell born?", "--as", "bob", "--json")
    assert (hidden.code, hidden.json["kind"]) == (0, "NotFound")
    assert set(hidden.json) == ANSWER
    denied = loaded("ask", QUESTION, "--as", "aud", "--json")
    assert (denied.code, denied.json["kind"], denied.json["reason"]) == (0, "Denied", "role")
    purpose = loaded("ask", QUESTION, "--as", "ann", "--purpose", "curiosity", "--json")
    assert (purpose.code, purpose.json["kind"]) == (0, "Denied")
    off = loaded("ask", QUESTION, "--as", "ann", "--json", COPILOT_ENABLED="false")
    assert (off.code, off.json["kind"]) == (0, "Unavailable")
    assert off.json["dependency"] == "copilot.enabled"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frobnicate"],
        ["ask"],
        ["ask", "Why?", "--file", "x"],
        ["ingest"],
        ["ledger"],
        ["search", "Why?", "--k", "many"],
    ],
)
def test_wrong_usage_ends_with_2(copilot: Program, arguments: list[str]) -> None:
    ended = copilot(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert "usage: copilot" in ended.err


def test_what_is_wrong_is_named_in_one_line(loaded: Program) -> None:
    fails(loaded("ask", QUESTION, "--as", "zoe"), "zoe")
    fails(loaded("ask", QUESTION), "--as")
    fails(loaded("ask", QUESTION, "--as", "ann", COPILOT_PRINCIPALS=""), "COPILOT_PRINCIPALS")
    path = loaded.folder / "report.md"
    fails(loaded("ingest", path, "--as", "ann", "--label", "{"), "--label")
    unknown = '{"classification": "U", "colour": "red"}'
    fails(loaded("ingest", path, "--as", "ann", "--label", unknown), "--label", "colour")
    fails(loaded("ask", "--file", "/no/questions", "--as", "ann"), "/no/questions")
    fails(loaded("ask", "", "--as", "ann"), "empty")
    fails(loaded("ask", "why " * 25_600, "--as", "ann"), "4000")
    fails(loaded("ingest", path, "--as", "bob"), "ingest")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://here"),
        ("OPA_URL", "here"),
        ("COPILOT_ENABLED", "perhaps"),
        ("COPILOT_DATABASE_TIMEOUT", "soon"),
        ("COPILOT_JWT_SECRET", "short"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(copilot: Program, name: str, value: str) -> None:
    fails(copilot("schema", **{name: value}), name)


def test_dead_servers_end_with_1_in_time(loaded: Program) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quick = {"COPILOT_DATABASE_TIMEOUT": "1", "COPILOT_POLICY_TIMEOUT": "1"}
    postgres = {"DATABASE_URL": f"postgresql://u:hidden@127.0.0.1:{port}/x", **quick}
    ended = loaded("ask", QUESTION, "--as", "ann", "--json", **postgres)
    fails(ended, "database")
    assert "hidden" not in ended.out + ended.err
    fails(loaded("ingest", loaded.folder / "report.md", "--as", "ann", **postgres), "database")
    fails(loaded("ledger", "verify", **postgres), "database")
    opa = loaded(
        "ask", QUESTION, "--as", "ann", "--json", OPA_URL=f"http://127.0.0.1:{port}", **quick
    )
    fails(opa, "OPA_URL")
    assert opa.json["kind"] == "Unavailable"
    assert opa.json["dependency"] == "policy"


def test_a_token_names_its_bearer(copilot: Program) -> None:
    ended = copilot("token", "--sub", "ann", "--claims", '{"clearance": "C"}')
    assert ended.code == 0
    claims = jwt.decode(ended.out.strip(), SECRET, algorithms=["HS256"], audience="copilot")
    assert (claims["sub"], claims["clearance"], claims["compartments"]) == ("ann", "C", ["SI"])
    fails(copilot("token", "--sub", "zoe"), "zoe")
    fails(copilot("token", "--sub", "ann", "--claims", "[]"), "--claims")
    fails(copilot("token", "--sub", "ann", COPILOT_JWT_SECRET=""), "COPILOT_JWT_SECRET")


def test_the_schema_is_the_committed_one(copilot: Program) -> None:
    assert copilot("schema").out == (ROOT / "graphql" / "schema.graphql").read_text("utf-8")


def test_the_operators_commands(loaded: Program) -> None:
    assert loaded("migrate").out == "nothing to apply\n"
    doctor = loaded("doctor")
    assert (doctor.code, doctor.err) == (0, "")
    looked_at = re.findall(r"^(\w+): ok", doctor.out, re.MULTILINE)
    assert looked_at == ["settings", "postgres", "product", "vectors"]


def test_the_ledger_verifies_against_its_checkpoint_and_is_exported(loaded: Program) -> None:
    held = loaded("ledger", "checkpoint").out
    origin, size, root, *_ = held.split("\n")
    assert int(size) >= 13
    checkpoint = loaded.file("checkpoint", held)
    verified = loaded("ledger", "verify", "--checkpoint", checkpoint, "--json")
    assert (verified.code, verified.json["verified"]) == (0, True)
    assert verified.json["entries"] == verified.json["sealed"] == int(size)
    again = re.match(r"ledger verified: (\d+) entries, (\d+) ", loaded("ledger", "verify").out)
    assert again is not None
    assert int(again[1]) > int(again[2]) == int(size)  # the first verification was recorded as well
    loaded.file("checkpoint", held.replace(root, base64.b64encode(bytes(32)).decode()))
    wrong = loaded("ledger", "verify", "--checkpoint", checkpoint, "--json")
    assert (wrong.code, wrong.json["verified"]) == (1, False)
    assert loaded("ledger", "key").out.startswith(f"{origin}+")


def test_an_export_is_verified_without_a_database_by_who_holds_the_key(loaded: Program) -> None:
    checkpoint = loaded.file("checkpoint", loaded("ledger", "checkpoint").out)
    key = loaded("ledger", "key").out.strip()
    bundle = loaded.folder / "bundle"
    assert loaded("ledger", "export", str(bundle)).code == 0
    fails(loaded("ledger", "export", str(bundle)), "is there already")
    nowhere = {"DATABASE_URL": "postgresql://127.0.0.1:1/none"}
    verify = ("ledger", "verify", str(bundle), "--key", key, "--checkpoint", checkpoint)
    assert loaded(*verify, **nowhere).out.startswith("bundle verified: all ")
    fails(loaded("ledger", "verify", str(bundle), **nowhere), "--key is missing")
    records = bundle / "records.ndjson"
    records.write_bytes(records.read_bytes().replace(b"ann", b"bob", 1))
    changed = loaded(*verify, "--json", **nowhere)
    assert (changed.code, changed.json["verified"]) == (1, False)


def test_a_checkpoint_of_before_a_change_of_the_key_is_taken_with_the_new_key(
    loaded: Program,
) -> None:
    """On a data directory of its own: nobody goes back to the old key."""
    own = {"COPILOT_DATA_DIR": str(loaded.folder / "rotated")}
    note = loaded.folder / "report.md"
    old = loaded("ledger", "key", "--new", "example.com/log").out.strip()
    new = loaded("ledger", "key", "--new", "example.com/log").out.strip()
    assert loaded("ingest", note, "--as", "ann", COPILOT_LEDGER_KEY=old, **own).code == 0
    before = loaded("ledger", "checkpoint", COPILOT_LEDGER_KEY=old, **own).out
    both = {"COPILOT_LEDGER_KEY": f"{old} {new}", **own}
    assert loaded("ledger", "verify", **both).code == 0  # its record is what both keys sign
    _, key = loaded("ledger", "key", **both).out.split()
    now = {"COPILOT_LEDGER_KEY": new, **own}
    held = loaded.file("before", before)
    verify = ("ledger", "verify", "--key", key, "--checkpoint", held)
    assert loaded(*verify, **now).out.startswith("ledger verified: ")
    origin, _, rest = before.split("\n", 2)
    loaded.file("before", f"{origin}\n1000\n{rest}")
    changed = loaded(*verify, **now)
    assert changed.code == 1
    assert changed.err.startswith(f"{held}: signature line 1 is not a signature by {origin}+")


def test_two_data_directories_do_not_meet(loaded: Program) -> None:
    other = {"COPILOT_DATA_DIR": str(loaded.folder / "other")}
    empty = loaded("search", QUESTION, "--as", "ann", "--k", "5", "--json", **other)
    assert (empty.code, empty.json["contexts"]) == (0, [])
    assert loaded("ledger", "checkpoint", **other).out.split("\n")[1] == "1"
