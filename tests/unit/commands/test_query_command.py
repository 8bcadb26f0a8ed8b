"""Asking and searching: what is printed, where, and with which exit code it ends."""

import io
import json
import sys
from pathlib import Path

import pytest

from copilot.commands import query
from copilot.results import SearchResult
from copilot.settings import Settings
from policy.errors import BadInput
from tests.unit.api.fakes import CONTEXT, LEE
from tests.unit.commands.product import DOWN, NOTHING, OFF, Product, printed_json, questions, typed

pytestmark = pytest.mark.anyio


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


async def test_what_is_to_be_noticed_is_told_to_a_person_too(
    product: Product, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    product.search_result = SearchResult(contexts=(CONTEXT,), ledger_id="l2", notice="No graph.")
    assert await query.search(settings, typed("search", "Who?")) == 0
    assert capsys.readouterr().err == "note: No graph.\n"


async def test_a_search_that_finds_nothing_says_so(
    product: Product, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    product.search_result = SearchResult(contexts=(), ledger_id="l2")
    assert await query.search(settings, typed("search", "Who?")) == 0
    assert capsys.readouterr().out.startswith("  NotFound: Nothing that you may read")


async def test_a_person_sees_to_which_question_of_a_file_a_result_belongs(
    product: Product, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = questions(tmp_path, {"id": "a", "question": "Who?"}, {"id": "b", "question": "When?"})
    assert await query.search(settings, typed("search", "--file", file)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["a:", "b:"]
