"""Slips in names: one letter, in one name, the same on every run."""

from copilot.bench.report import Report
from copilot.bench.retrieval import figures
from copilot.bench.retrieval.misspelt import misspelt
from copilot.bench.retrieval.questions import Question
from retrieval.spelling import _next_to
from tests.unit.test_bench_retrieval import measured


def asked(text: str, name: str = "q1") -> Question:
    return Question(id=name, text=text, type="bridge", gold=frozenset("a"))


def test_a_slip_is_one_letter_in_one_name() -> None:
    for number in range(200):
        question = asked("Who owns the ships of Alder?", str(number))
        wrong = misspelt(question)
        assert wrong is not None
        assert wrong == misspelt(question)
        before, name, after = wrong.partition(wrong.split()[-1].removesuffix("?"))
        assert (before, after) == ("Who owns the ships of ", "?")
        assert name.lower() in _next_to("alder")
        assert name[0] == "A"


def test_a_question_without_a_long_name_has_none() -> None:
    assert misspelt(asked("Who owns the ships of Pell?")) is None
    assert misspelt(asked("Who was there in 2024?")) is None


def test_the_figures_compare_the_same_questions() -> None:
    found = measured("ab", "ab", count=4)
    found.misspelt = {1: ["a"], 3: ["x"]}
    report = Report(name="retrieval")
    figures.add(report, "x", found)
    assert report.figures["x/misspelt/recall@5"].value == 25.0
    assert report.figures["x/misspelt/as_written/recall@5"].value == 100.0
    assert report.figures["x/misspelt/questions"].value == 2
