"""What comes along though others fit better: steps on the way, things compared, what is asked to the letter."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from retrieval.analysis import Plan, analyse
from retrieval.besides import MOST, affordable, besides
from retrieval.context import length
from retrieval.terms import Terms
from retrieval.types import Arm, ArmHit, Context
from tests.unit.retrieval.contexts import context

QUESTION = "Who is the captain of the vessel that is run by the firm of Viktor Oleander?"


def plan(question: str = QUESTION) -> Plan:
    return analyse(question, Terms())


def found(
    chunk_id: str, text: str, *path: str, score: float = 1.0, graph: float = 1.0, best: float = 0.5
) -> Context:
    arms = (ArmHit(arm=Arm.GRAPH, rank=1, score=graph),) if path else ()
    return replace(context(chunk_id, text, score=score, best=best), arms=arms, path=path)


OWNER = found("1", "Viktor Oleander is the owner of Blackthorn Ltd.", "viktor oleander", best=0.8)
FIRM = found(
    "2", "Blackthorn Ltd is a firm that runs MV Tern.", "viktor oleander", "blackthorn ltd"
)
SHIP = found("3", "MV Tern is a vessel.", "viktor oleander", "blackthorn ltd", "mv tern")
OTHER = found("4", "Elsa Halder is a captain.", best=0.6)


def ids(some: list[Context]) -> list[str]:
    return [one.chunk.chunk_id for one in some]


def test_what_a_question_leads_over_without_naming_it_comes_along() -> None:
    assert ids(besides([OWNER], [OWNER, FIRM, SHIP, OTHER], plan())) == ["2", "3"]


def test_the_passage_of_the_named_thing_comes_along_where_another_step_fits_best() -> None:
    assert ids(besides([SHIP], [OWNER, FIRM, SHIP], plan())) == ["1", "2"]


def test_where_the_way_ends_at_what_the_question_names_there_is_no_step() -> None:
    again = found("5", "Viktor Oleander is an old man.", "viktor oleander")
    assert besides([OWNER], [OWNER, again], plan()) == []


def test_only_what_is_reached_over_another_thing_leads_onward() -> None:
    at_once = replace(FIRM, path=("blackthorn ltd",))
    back = found("5", "Viktor Oleander is an old man.", "blackthorn ltd", "viktor oleander")
    assert besides([OWNER], [OWNER, at_once], plan()) == []
    assert besides([OWNER], [OWNER, back], plan()) == []


def test_what_stands_higher_in_the_search_comes_first() -> None:
    for firm, ship, order in ((0.8, 0.9, ["3", "2"]), (0.9, 0.8, ["2", "3"])):
        some = [OWNER, replace(FIRM, score=firm), replace(SHIP, score=ship)]
        assert ids(besides([OWNER], some, plan())) == order


def test_where_something_else_fits_the_question_has_no_steps() -> None:
    assert besides([OTHER], [OWNER, FIRM, SHIP, OTHER], plan()) == []


def test_a_passage_that_only_mentions_what_the_way_led_to_is_none_of_its_steps() -> None:
    mentions = replace(FIRM, chunk=replace(FIRM.chunk, text="A clerk saw Blackthorn Ltd there."))
    assert besides([OWNER], [OWNER, mentions], plan()) == []


def test_a_weak_link_makes_no_steps_but_may_be_one() -> None:
    for weak in (replace(FIRM, score=0.69), found("2", FIRM.chunk.text, *FIRM.path, graph=0.79)):
        assert besides([OWNER], [OWNER, weak], plan()) == []
        assert set(ids(besides([OWNER], [OWNER, SHIP, weak], plan()))) == {"2", "3"}
    for weaker in (replace(FIRM, score=0.49), found("2", FIRM.chunk.text, *FIRM.path, graph=0.49)):
        assert ids(besides([OWNER], [OWNER, SHIP, weaker], plan())) == ["3"]


def test_things_that_are_compared_come_along_together() -> None:
    tern = found("1", "The Tern is a vessel of 1990.", "tern", best=0.8)
    gull = found("2", "The Gull is a vessel of 1992.", "gull", score=0.5, graph=0.5)
    assert ids(besides([tern], [tern, gull], plan("Which is older, the Tern or the Gull?"))) == [
        "2"
    ]
    assert besides([tern], [tern, gull], plan("What is the Tern?")) == []
    again = replace(gull, path=("tern",), chunk=replace(gull.chunk, text="The Tern is old."))
    assert besides([tern], [tern, again], plan("Is the Tern older?")) == []


def test_a_number_that_is_asked_for_is_not_left_to_what_fits_its_words() -> None:
    has = found("1", "The beacon called 10[.]20[.]30[.]42 twice.", best=0.4)
    fits = found("2", "Blackthorn owns the vessel.", best=0.8)
    question = plan("Which company owns the vessel that called 10.20.30.42?")
    assert ids(besides([fits], [fits, has], question)) == ["1"]
    assert besides([has], [fits, has], question) == []
    assert besides([fits], [fits, has], plan("Which company owns the vessel?")) == []


def test_so_it_is_with_what_stands_in_quotes() -> None:
    has = found("1", "They called it the long night.", best=0.4)
    fits = found("2", "The night was long for them.", best=0.8)
    assert ids(besides([fits], [fits, has], plan('Who spoke of "the long night"?'))) == ["1"]


def test_never_more_than_the_budget_and_what_fits_stays() -> None:
    assert ids(affordable([OWNER], [FIRM, SHIP], length(OWNER) + length(SHIP))) == ["1", "3"]
    assert ids(affordable([OWNER], [FIRM], 0)) == ["1"]


@given(
    st.lists(st.sampled_from([OWNER, FIRM, SHIP, OTHER]), unique_by=lambda one: one.chunk.chunk_id),
    st.integers(0, MOST + 1),
)
def test_nothing_comes_twice_and_there_is_an_end(some: list[Context], many: int) -> None:
    chosen = [
        found(f"c{number}", "Elsa Halder is a captain.", "elsa halder") for number in range(many)
    ]
    more = besides(chosen, [*chosen, *some], plan())
    assert len({*ids(chosen), *ids(more)}) == len(chosen) + len(more)
    assert not more or len(chosen) + len(more) <= MOST
    assert set(ids(more)) <= set(ids(some))
