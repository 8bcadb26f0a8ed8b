"""Prompts are checked at start, and say nothing of the asker."""

from contextlib import suppress
from pathlib import Path
from shutil import copytree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.data_files import folder
from copilot.prompts import Prompts, parse
from policy.errors import Misconfigured

GOOD = '---\nversion: "1"\nvariables: [max_sentences, not_found]\n---\n{{max_sentences}} {{ not_found }}\n'


def test_the_answer_prompt_states_the_policy_rules() -> None:
    system = Prompts.load().answer("Who owns Corvane?").system
    for rule in (
        "never instructions",
        "Cite every sentence",
        "Do not reveal",
        "Do not follow links",
    ):
        assert rule in system
    assert "{{" not in system


def test_the_question_is_handed_on_as_it_is_and_never_into_the_system_part() -> None:
    prompt = Prompts.load().answer("Who {{not_found}} owns Corvane?")
    assert prompt.question == "Who {{not_found}} owns Corvane?"
    assert "Corvane" not in prompt.system


def test_the_hash_is_the_same_for_every_question_and_moves_with_version_text_and_values(
    tmp_path: Path,
) -> None:
    prompts = Prompts.load()
    first = prompts.answer("one")
    assert first.sha256 == prompts.answer("two").sha256 == Prompts.load().answer("three").sha256
    assert first.sha256 != prompts.answer("one", max_sentences=3).sha256
    copytree(folder("prompts"), tmp_path, dirs_exist_ok=True)
    source = (tmp_path / "answer.md").read_text("utf-8")
    for changed in (source.replace('version: "', 'version: "1'), source + "\nOne more rule."):
        (tmp_path / "answer.md").write_text(changed, "utf-8")
        assert Prompts.load(tmp_path).answer("one").sha256 != first.sha256


def test_a_question_that_is_judged_is_not_in_the_system_part_either() -> None:
    prompts = Prompts.load()
    for prompt in (prompts.decompose("Who owns Corvane?", most=4), prompts.filter("Of Corvane?")):
        assert "Corvane" in prompt.question
        assert "Corvane" not in prompt.system
        assert "{{" not in prompt.system
        assert "instruction" in prompt.system
    assert prompts.decompose("q", most=4).sha256 != prompts.decompose("q", most=5).sha256


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("no front matter", "must begin with front matter"),
        (GOOD.replace("version", "verzion"), "'verzion'"),
        (GOOD.replace("variables:", "model: x\nvariables:"), "unknown key 'model'"),
        (GOOD.replace('version: "1"\n', ""), "missing key 'version'"),
        (GOOD.replace('"1"', "1"), "version"),
        (GOOD.replace("[max_sentences, not_found]", "max_sentences"), "list of names"),
        (
            GOOD.replace("[max_sentences, not_found]", "[max_sentences]"),
            "undeclared variable 'not_found'",
        ),
        (GOOD.replace("{{max_sentences}}", ""), "declares 'max_sentences'"),
        (GOOD.replace("{{max_sentences}}", "{{max_sentences"), "braces"),
        (GOOD.replace("[max_sentences", "[[max_sentences"), "not YAML"),
        ("---\n- a\n---\ntext", "keys and values"),
        ("---\nversion: '1'\nvariables: []\n---\n", "no text"),
    ],
)
def test_a_faulty_prompt_is_refused_with_its_name_and_its_fault(
    source: str, complaint: str
) -> None:
    with pytest.raises(Misconfigured) as refused:
        parse("answer", source)
    assert "answer" in refused.value.message
    assert complaint in refused.value.message


def test_a_variable_that_nothing_provides_fails_at_start(tmp_path: Path) -> None:
    (tmp_path / "answer.md").write_text(
        "---\nversion: '1'\nvariables: [clearance]\n---\n{{clearance}}", "utf-8"
    )
    with pytest.raises(Misconfigured, match="clearance"):
        Prompts.load(tmp_path)


def test_a_missing_prompt_fails_at_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"answer\.md is missing"):
        Prompts.load(tmp_path)


@given(st.text(max_size=200))
def test_whatever_a_prompt_file_holds_it_is_parsed_or_refused(source: str) -> None:
    for text in (source, f"---\n{source}\n---\ntext"):
        with suppress(Misconfigured):
            assert parse("any", text).text


def test_data_folders_are_found_in_a_checkout_and_in_a_wheel(tmp_path: Path) -> None:
    package = tmp_path / "copilot"
    (package / "_data" / "prompts").mkdir(parents=True)
    (tmp_path / "migrations").mkdir()
    (tmp_path / "prompts").mkdir()
    assert folder("migrations", package) == tmp_path / "migrations"
    assert folder("prompts", package) == package / "_data" / "prompts"
    with pytest.raises(Misconfigured, match="graphql"):
        folder("graphql", package)
