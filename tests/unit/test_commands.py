"""Commands over a small fake product: what they print, where, and with which exit code they end."""

import io
import json
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from copilot.__main__ import _parser
from copilot.bench.report import Figure, Report
from copilot.commands import bench, demo, ingest, ledger, opened, operate, query
from copilot.ingest.documents import Document, Rejected
from copilot.ingest.report import IngestReport
from copilot.ledger.verify import Checkpoint, Verification
from copilot.results import AskOutcome, NotFound, SearchOutcome, SearchResult, Unavailable
from copilot.settings import Settings
from copilot.tokens import Verifier
from policy.errors import BadInput, CopilotError, Misconfigured
from policy.principal import Asker
from tests.unit.api.fakes import ANN, ANSWER, CONTEXT, LEE, SECRET

pytestmark = pytest.mark.anyio

NOTHING = NotFound(text="Nothing that you may read.", ledger_id="l1")
DOWN = Unavailable(text="the model is down", dependency="model")
OFF = Unavailable(text="Asking is switched off.", dependency="copilot.enabled")


@dataclass
class Product:
    """Answers by what it is told for a question, else with an answer."""

    told: dict[str, AskOutcome | BadInput] = field(default_factory=dict)
    search_result: SearchOutcome = field(
        default_factory=lambda: SearchResult(contexts=(CONTEXT,), ledger_id="l2")
    )
    state: dict[str, str] = field(default_factory=lambda: {"postgres": "ok", "policy": "ok"})
    asked: list[tuple[Asker, str]] = field(default_factory=list)
    ks: list[int | None] = field(default_factory=list)
    taken: list[Document | Rejected] = field(default_factory=list)

    async def ask(self, asker: Asker, question: str) -> AskOutcome:
        self.asked.append((asker, question))
        given = self.told.get(question, ANSWER)
        if isinstance(given, BadInput):
            raise given
        return given

    async def search(self, asker: Asker, question: str, k: int | None) -> SearchOutcome:
        self.asked.append((asker, question))
        self.ks.append(k)
        return self.search_result

    async def ingest(
        self, asker: Asker, documents: Iterable[Document | Rejected], progress: Callable[[], None]
    ) -> IngestReport:
        self.asked.append((asker, "ingest"))
        for one in documents:
            self.taken.append(one)
            progress()
        rejected = tuple(one for one in self.taken if isinstance(one, Rejected))
        count = len(self.taken) - len(rejected)
        return IngestReport(ingested=count, unchanged=2, rejected=rejected, ledger_ids=())

    async def ready(self) -> dict[str, str]:
        return self.state


@pytest.fixture
def product(monkeypatch: pytest.MonkeyPatch) -> Product:
    """What every command opens in place of the real product."""
    made = Product()

    @asynccontextmanager
    async def opened(settings: Settings) -> AsyncIterator[Product]:
        yield made

    for module in (query, ingest, operate, demo):
        monkeypatch.setattr(module, "opened", opened)
    return made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    path = tmp_path / "principals.json"
    path.write_text(json.dumps({"ann": ANN.to_json(), "lee": LEE.to_json()}), "utf-8")
    return Settings(principals=path, act_as="ann", jwt_secret=SECRET, database_url="postgres://db")


def typed(*arguments: object) -> Namespace:
    return _parser().parse_args([str(one) for one in arguments])


def questions(folder: Path, *lines: object) -> Path:
    path = folder / "questions.jsonl"
    texts = [one if isinstance(one, str) else json.dumps(one) for one in lines]
    path.write_text("\n".join(texts), "utf-8")
    return path


def printed_json(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


async def test_ask_shows_an_answer_to_a_person(
    product: Product, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    options = typed("ask", "Who?", "--as", "lee", "--purpose", "audit", "--reason", "case 7")
    assert await query.ask(settings, options) == 0
    assert "[S//HARBOR]" in capsys.readouterr().out
    ((who, question),) = product.asked
    assert (who.principal, who.purpose, who.reason, question) == (LEE, "audit", "case 7", "Who?")
    assert who.impersonated_by


async def test_ask_as_json_prints_one_document_and_nothing_else(
    product: Product, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await query.ask(settings, typed("ask", "Who?", "--json")) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert json.loads(printed.out)["kind"] == "Answer"
    assert "id" not in json.loads(printed.out)


async def test_that_nothing_was_found_is_an_answer_and_no_failure(
    product: Product, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    product.told = {"Who?": NOTHING}
    assert await query.ask(settings, typed("ask", "Who?")) == 0
    assert capsys.readouterr().out == "  NotFound: Nothing that you may read.\n"


async def test_a_failed_dependency_is_told_on_standard_error_with_exit_code_1(
    product: Product, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    product.told = {"Who?": DOWN}
    assert await query.ask(settings, typed("ask", "Who?", "--json")) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["dependency"] == "model"
    assert printed.err == "copilot: the model is down\n"


async def test_that_asking_is_switched_off_is_a_decision_and_no_failure(
    product: Product, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    product.told = {"Who?": OFF}
    assert await query.ask(settings, typed("ask", "Who?")) == 0
    assert capsys.readouterr().err == ""


async def test_a_single_question_that_is_refused_is_raised(
    product: Product, settings: Settings
) -> None:
    product.told = {"": BadInput("the question is empty")}
    with pytest.raises(BadInput, match="the question is empty"):
        await query.ask(settings, typed("ask", ""))


async def test_the_questions_of_a_file_are_answered_in_order_under_their_ids(
    product: Product, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    product.told = {"Two?": NOTHING}
    lines = [{"id": "b", "question": "One?"}, "", {"id": "a", "question": "Two?"}]
    path = questions(tmp_path, *lines, {"id": 3, "question": "Three?", "gold": "more"})
    assert await query.ask(settings, typed("ask", "--file", path, "--json")) == 0
    values = printed_json(capsys)
    assert [(one["id"], one["kind"]) for one in values] == [
        ("b", "Answer"),
        ("a", "NotFound"),
        (3, "Answer"),
    ]
    assert [question for _, question in product.asked] == ["One?", "Two?", "Three?"]


async def test_a_refused_question_of_a_file_is_told_in_its_place_and_the_others_are_answered(
    product: Product, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    product.told = {"": BadInput("the question is empty")}
    path = questions(tmp_path, {"id": 1, "question": ""}, {"id": 2, "question": "Who?"})
    assert await query.ask(settings, typed("ask", "--file", path, "--json")) == 1
    refused, answered = printed_json(capsys)
    assert refused == {"id": 1, "kind": "BadInput", "text": "the question is empty"}
    assert (answered["id"], answered["kind"]) == (2, "Answer")
    assert await query.ask(settings, typed("ask", "--file", path)) == 1
    assert "BadInput: the question is empty" in capsys.readouterr().out


async def test_after_a_failed_dependency_the_rest_of_a_file_is_asked_all_the_same(
    product: Product, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    product.told = {"One?": DOWN}
    path = questions(tmp_path, {"id": 1, "question": "One?"}, {"id": 2, "question": "Two?"})
    assert await query.ask(settings, typed("ask", "--file", path, "--json")) == 1
    printed = capsys.readouterr()
    assert [json.loads(line)["kind"] for line in printed.out.splitlines()] == [
        "Unavailable",
        "Answer",
    ]
    assert printed.err == "copilot: the model is down\n"


async def test_questions_come_from_standard_input_where_a_dash_is_given(
    product: Product,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"id": "q1", "question": "Who?"}\n'))
    assert await query.ask(settings, typed("ask", "--file", "-", "--json")) == 0
    assert [one["id"] for one in printed_json(capsys)] == ["q1"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Who?", "line 2: not JSON"),
        ('["Who?"]', "line 2: an object with id and question is wanted"),
        ('{"question": "Who?"}', "line 2: an object with id and question is wanted"),
        ('{"id": 2, "question": 7}', "line 2: an object with id and question is wanted"),
    ],
)
async def test_a_line_that_is_no_question_is_named(
    product: Product, settings: Settings, tmp_path: Path, line: str, said: str
) -> None:
    path = questions(tmp_path, {"id": 1, "question": "Who?"}, line)
    with pytest.raises(BadInput, match=said):
        await query.ask(settings, typed("ask", "--file", path))


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xff"])
async def test_a_file_that_cannot_be_read_is_named(
    product: Product, settings: Settings, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "given.jsonl"
    if content:
        path.write_bytes(content)
    with pytest.raises(BadInput, match="cannot read the questions in"):
        await query.ask(settings, typed("ask", "--file", path))


async def test_search_shows_each_hit_and_hands_on_how_many(
    product: Product, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await query.search(settings, typed("search", "Who?", "--k", "3")) == 0
    assert "(S//HARBOR) d1: (untitled)" in capsys.readouterr().out
    assert product.ks == [3]
    assert await query.search(settings, typed("search", "Who?", "--json")) == 0
    (value,) = printed_json(capsys)
    assert (value["kind"], len(value["contexts"])) == ("SearchResult", 1)
    assert product.ks == [3, None]


async def test_a_search_that_fails_is_told_as_an_outcome(
    product: Product, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    product.search_result = DOWN
    assert await query.search(settings, typed("search", "Who?")) == 1
    printed = capsys.readouterr()
    assert printed.out == "  Unavailable: the model is down\n"
    assert printed.err == "copilot: the model is down\n"


async def test_nothing_is_opened_for_nobody(settings: Settings) -> None:
    with pytest.raises(BadInput, match="no principal 'eve'"):
        await query.ask(settings, typed("ask", "Who?", "--as", "eve"))


async def test_ingest_takes_in_with_the_given_label_and_counts(
    product: Product, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.md").write_text("A text.", "utf-8")
    label = '{"classification": "C"}'
    assert (
        await ingest.ingest(settings, typed("ingest", tmp_path / "one.md", "--label", label)) == 0
    )
    assert "1 documents ingested, 2 unchanged, 0 rejected" in capsys.readouterr().out
    (document,) = product.taken
    assert isinstance(document, Document)
    assert (document.label.classification, document.label.tenant) == ("C", "t1")


async def test_ingest_names_what_was_rejected_and_ends_with_1(
    product: Product, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.exe").write_text("A text.", "utf-8")
    options = typed("ingest", tmp_path / "one.exe")
    assert await ingest.ingest(settings, options) == 1
    printed = capsys.readouterr()
    assert "0 documents ingested, 2 unchanged, 1 rejected" in printed.out
    assert "one.exe: not a kind of file that is read" in printed.err


async def test_ingest_as_json_prints_one_document_and_no_progress(
    product: Product, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = questions(tmp_path, "{")
    assert await ingest.ingest(settings, typed("ingest", path, "--json")) == 1
    printed = capsys.readouterr()
    value = json.loads(printed.out)
    assert (value["ingested"], value["unchanged"]) == (0, 2)
    assert [(one["source"], one["line"]) for one in value["rejected"]] == [("questions.jsonl", 1)]
    assert printed.err == ""


@pytest.mark.parametrize(("label", "said"), [("U", "--label is not JSON"), ("{}", "--label: ")])
async def test_a_label_that_cannot_be_read_is_refused(
    product: Product, settings: Settings, label: str, said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        await ingest.ingest(settings, typed("ingest", "folder", "--label", label))
    assert product.asked == []


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[Verification]:
    """What verification finds: the last of the list."""
    found = [Verification(entries=3, erased=1, head="ab" * 32)]
    held: list[Checkpoint | None] = []

    async def ready_url(settings: Settings) -> str:
        return "postgres://db"

    async def verify(url: str, checkpoint: Checkpoint | None = None) -> Verification:
        held.append(checkpoint)
        assert url == "postgres://db"
        if checkpoint and checkpoint.position > found[-1].entries:
            return replace(found[-1], problems=["the log ends before the checkpoint"])
        return found[-1]

    async def checkpoint(url: str) -> Checkpoint:
        return Checkpoint(position=3, chain_hash="ab" * 32)

    async def export(url: str) -> AsyncIterator[dict[str, Any]]:
        for position in (1, 2):
            yield {"position": position, "reason": "für Ærø"}

    monkeypatch.setattr(ledger, "ready_url", ready_url)
    for function in (verify, checkpoint, export):
        monkeypatch.setattr(f"copilot.ledger.verify.{function.__name__}", function)
    return found


async def test_a_ledger_that_holds_is_said_in_one_line_with_its_erasures(
    verified: list[Verification], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await ledger.verify(settings, typed("ledger", "verify")) == 0
    expected = f"ledger verified: 3 entries, 1 openings erased, head {'ab' * 8}…\n"
    assert capsys.readouterr() == (expected, "")


async def test_a_ledger_that_does_not_hold_ends_with_1_and_at_most_twenty_problems(
    verified: list[Verification], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    verified.append(Verification(entries=30, problems=[f"entry {n} is wrong" for n in range(30)]))
    assert await ledger.verify(settings, typed("ledger", "verify")) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("is wrong\n") == 21
    assert "ledger NOT verified: 30 problems" in printed.err


@pytest.mark.parametrize("problems", [[], ["entry 1 is out of order"]])
async def test_verification_as_json_is_one_document(
    verified: list[Verification],
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    problems: list[str],
) -> None:
    verified.append(Verification(entries=3, head="ab", problems=problems))
    code = await ledger.verify(settings, typed("ledger", "verify", "--json"))
    assert code == len(problems)
    assert json.loads(capsys.readouterr().out) == {
        "verified": not problems,
        "entries": 3,
        "erased": 0,
        "head": "ab",
        "problems": problems,
    }


async def test_a_checkpoint_that_was_printed_can_be_held_against_the_ledger(
    verified: list[Verification],
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await ledger.checkpoint(settings, typed("ledger", "checkpoint")) == 0
    path = tmp_path / "checkpoint.json"
    path.write_text(capsys.readouterr().out, "utf-8")
    options = typed("ledger", "verify", "--checkpoint", path)
    assert await ledger.verify(settings, options) == 0
    verified.append(Verification(entries=2))
    assert await ledger.verify(settings, options) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot read the checkpoint"),
        ("{", "a checkpoint is JSON"),
        ('{"position": 3}', "a checkpoint is JSON"),
        ("[]", "a checkpoint is JSON"),
        ('{"position": "three", "chain_hash": ""}', "a checkpoint is JSON"),
    ],
)
async def test_a_checkpoint_that_is_none_is_refused(
    verified: list[Verification], settings: Settings, tmp_path: Path, text: str | None, said: str
) -> None:
    path = tmp_path / "checkpoint.json"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(BadInput, match=said):
        await ledger.verify(settings, typed("ledger", "verify", "--checkpoint", path))


async def test_an_export_is_one_line_of_json_for_each_entry(
    verified: list[Verification], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await ledger.export(settings, typed("ledger", "export")) == 0
    printed = capsys.readouterr().out
    assert [json.loads(line)["position"] for line in printed.splitlines()] == [1, 2]
    assert "für Ærø" in printed


async def test_the_embedded_database_is_migrated_and_a_configured_one_only_checked(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    done: list[tuple[str, str]] = []

    async def migrate(url: str) -> list[str]:
        done.append(("migrate", url))
        return []

    async def check(url: str) -> None:
        done.append(("check", url))

    monkeypatch.setattr(opened, "migrate", migrate)
    monkeypatch.setattr(opened, "check", check)
    monkeypatch.setattr(opened, "database_url", lambda settings: settings.database_url or "own")
    assert await opened.ready_url(settings) == "postgres://db"
    assert await opened.ready_url(Settings()) == "own"
    assert done == [("check", "postgres://db"), ("migrate", "own")]


async def test_the_product_is_built_over_the_database_that_is_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built = Product()

    async def ready_url(settings: Settings) -> str:
        return "postgres://ready"

    @asynccontextmanager
    async def build(settings: Settings) -> AsyncIterator[Product]:
        assert settings.database_url == "postgres://ready"
        yield built

    monkeypatch.setattr(opened, "ready_url", ready_url)
    monkeypatch.setattr(opened, "build", build)
    async with opened.opened(Settings()) as copilot:
        seen: object = copilot
    assert seen is built


async def test_nobody_is_served_who_could_not_prove_who_they_are(product: Product) -> None:
    with pytest.raises(Misconfigured, match="COPILOT_JWT_SECRET or COPILOT_JWKS_URL"):
        await operate.serve(Settings(), typed("serve"))


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Where servers listened, and over what."""
    seen: list[tuple[Any, ...]] = []

    async def listen(app: object, host: str, port: int) -> None:
        seen.append((app, host, port))

    for module in (operate, demo):
        monkeypatch.setattr(module, "listen", listen)
        monkeypatch.setattr(module, "require_free", lambda host, port: None, raising=False)
        monkeypatch.setattr(module, "create_app", lambda copilot, **more: (copilot, more))
    return seen


async def test_serve_listens_where_it_is_told(
    product: Product, settings: Settings, listening: list[tuple[Any, ...]]
) -> None:
    assert await operate.serve(settings, typed("serve", "--port", "9000")) == 0
    assert listening == [((product, {}), "127.0.0.1", 9000)]


@pytest.mark.parametrize(
    ("names", "said"),
    [([], "nothing to apply\n"), (["0001", "0002"], "applied 0001\napplied 0002\n")],
)
async def test_migrate_says_what_it_applied(
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    names: list[str],
    said: str,
) -> None:
    async def migrate(url: str) -> list[str]:
        assert url == settings.database_url
        return names

    monkeypatch.setattr(operate, "migrate_database", migrate)
    assert await operate.migrate(settings, typed("migrate")) == 0
    assert capsys.readouterr().out == said


async def test_schema_prints_the_schema_that_is_kept_in_the_repository(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await operate.schema(settings, typed("schema")) == 0
    kept = Path(__file__).parents[2] / "graphql" / "schema.graphql"
    assert capsys.readouterr().out == kept.read_text("utf-8")


async def test_a_token_proves_the_principal_with_the_claims_that_were_typed(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    claims = '{"clearance": "U", "roles": ["auditor"]}'
    assert await operate.token(settings, typed("token", "--sub", "ann", "--claims", claims)) == 0
    verifier = Verifier.from_settings(settings)
    assert verifier is not None
    who = (await verifier.verify(capsys.readouterr().out.strip())).principal
    assert (who.sub, who.tenant, who.clearance) == ("ann", "t1", "U")
    assert who.roles == {"auditor"}
    assert who.compartments == ANN.compartments


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ("{", "--claims is not JSON"),
        ("[]", "--claims must be a JSON object"),
        ('{"roles": ["king"]}', "--claims: 'ann' has an unknown role 'king'"),
    ],
)
async def test_claims_that_make_no_principal_are_refused(
    settings: Settings, capsys: pytest.CaptureFixture[str], claims: str, said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        await operate.token(settings, typed("token", "--sub", "ann", "--claims", claims))
    assert capsys.readouterr().out == ""


async def test_without_a_secret_there_is_no_token(settings: Settings) -> None:
    with pytest.raises(Misconfigured, match="COPILOT_JWT_SECRET"):
        await operate.token(replace(settings, jwt_secret=None), typed("token", "--sub", "ann"))


async def test_doctor_says_of_each_part_whether_it_works(
    product: Product,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def connect(url: str, **more: object) -> None:
        raise psycopg.OperationalError("connection refused\nIs the server running?")

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", connect)
    assert await operate.doctor(settings, typed("doctor")) == 1
    printed = capsys.readouterr()
    assert printed.err == "postgres: cannot connect: connection refused\n"
    first, last = printed.out.splitlines()
    assert "answers by the offline generator" in first
    assert last == "product: ok, postgres, policy"


async def test_doctor_names_the_part_of_the_product_that_is_wrong(
    product: Product,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def version(settings: Settings) -> str:
        return "version 17"

    monkeypatch.setattr(operate, "_postgres_check", version)
    assert await operate.doctor(replace(settings, anthropic_api_key="k"), typed("doctor")) == 0
    about, database, _ = capsys.readouterr().out.splitlines()
    assert "answers by anthropic" in about
    assert database == "postgres: ok, version 17"
    product.state["policy"] = "another bundle"
    assert await operate.doctor(settings, typed("doctor")) == 1
    assert capsys.readouterr().err == "product: policy: another bundle\n"


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Report:
    made = Report(name="ask", figures={"ask_p95": Figure(value=700.0, unit="ms", goal=500.0)})

    async def run(settings: Settings) -> Report:
        return made

    monkeypatch.setitem(bench._BENCHES, "ask", run)
    return made


async def test_a_missed_goal_of_a_bench_is_said_and_no_failure_of_the_command(
    report: Report, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    report.figures["ask_p50"] = Figure(value=12.5, unit="ms")
    assert await bench.bench(settings, typed("bench", "ask")) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split(maxsplit=3) == ["ask_p95", "700.0", "ms", "(goal at most 500)"]
    assert second.split() == ["ask_p50", "12.5", "ms"]


async def test_a_bench_as_json_is_one_document(
    report: Report, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await bench.bench(settings, typed("bench", "ask", "--json")) == 0
    assert json.loads(capsys.readouterr().out)["passed"] is False


async def test_an_unknown_bench_is_refused_with_those_that_are_known(settings: Settings) -> None:
    with pytest.raises(BadInput, match=r"no bench 'fly'; known: \['ask'\]"):
        await bench.bench(settings, typed("bench", "fly"))


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small case file, and a ledger that verifies."""
    folder = tmp_path / "case"
    (folder / "documents").mkdir(parents=True)
    text = '---\nlabel: {"classification": "U"}\n---\nA text.'
    (folder / "documents" / "one.md").write_text(text, "utf-8")
    people = {"ann": ANN.to_json(), "lee": LEE.to_json()}
    (folder / "principals.json").write_text(json.dumps(people), "utf-8")
    plan = {"principals": ["lee", "ann"], "questions": ["Who?", "When?"]}
    (folder / "demo.json").write_text(json.dumps(plan), "utf-8")
    found(monkeypatch, Verification(entries=3))
    return folder


def found(monkeypatch: pytest.MonkeyPatch, result: Verification) -> None:
    async def verify(url: str) -> Verification:
        return result

    monkeypatch.setattr(demo, "verify", verify)
    monkeypatch.setattr(demo, "database_url", lambda settings: "postgres://db")


async def test_the_demo_loads_asks_as_each_person_verifies_and_ends_where_told(
    product: Product,
    case: Path,
    listening: list[tuple[Any, ...]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    product.told = {"When?": NOTHING}
    assert await demo.demo(Settings(), typed("demo", case, "--once")) == 0
    assert [(who.principal.sub, what) for who, what in product.asked] == [
        ("ann", "ingest"),
        ("lee", "Who?"),
        ("ann", "Who?"),
        ("lee", "When?"),
        ("ann", "When?"),
    ]
    printed = capsys.readouterr().out
    assert "1 documents ingested, 2 already there" in printed
    assert " ann (S, HARBOR, USA):\n  [S//HARBOR]" in printed
    assert " lee (C, no compartments, GBR):" in printed
    assert "ledger verified: 3 entries" in printed
    assert listening == []


async def test_the_demo_serves_this_machine_alone_with_its_people(
    product: Product,
    case: Path,
    listening: list[tuple[Any, ...]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await demo.demo(Settings(), typed("demo", case, "--port", "9000")) == 0
    ((app, host, port),) = listening
    assert (host, port) == ("127.0.0.1", 9000)
    assert app == (product, {"demo_principals": {"ann": ANN, "lee": LEE}})
    assert "http://127.0.0.1:9000/graphql" in capsys.readouterr().out


async def test_the_demo_names_what_it_could_not_load(
    product: Product, case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (case / "documents" / "two.exe").write_text("", "utf-8")
    assert await demo.demo(Settings(), typed("demo", case, "--once")) == 0
    assert "two.exe: not a kind of file" in capsys.readouterr().err


async def test_the_demo_needs_somebody_who_may_ingest(product: Product, case: Path) -> None:
    (case / "principals.json").write_text(json.dumps({"lee": LEE.to_json()}), "utf-8")
    with pytest.raises(BadInput, match="nobody has the role ingester"):
        await demo.demo(Settings(), typed("demo", case, "--once"))


async def test_the_demo_fails_where_the_ledger_does_not_verify(
    product: Product, case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, Verification(problems=["entry 1 is out of order"]))
    with pytest.raises(CopilotError, match="does not verify: entry 1 is out of order"):
        await demo.demo(Settings(), typed("demo", case, "--once"))
