"""Besides: passages that are passed on though no sentence of theirs fits the question as well as the best one does.

A question of several steps ("Who commands the ship that Drell's firm operates?") has nothing in common with the passage
that answers it but what the graph found on the way there; and a number that it gives to the letter weighs little
among the other words of a sentence.
"""

from collections.abc import Sequence

from retrieval import context as assembly
from retrieval.analysis import Intent, Plan
from retrieval.definitions import in_question, subject, titled
from retrieval.identifiers import identifiers
from retrieval.keyword import exactly
from retrieval.types import Arm, Context
from retrieval.wording import Wording

MOST = 5
"""With those that fit."""
_LED_TO = (0.5, 0.5)
_ONWARD = (0.7, 0.8)
"""What a passage has at least: of the best fused score this share, and from the graph this score. The second is what
one has without which a question has no steps: on the case file, most of whose questions have one, hardly any passes."""


def besides(chosen: Sequence[Context], contexts: Sequence[Context], plan: Plan) -> list[Context]:
    """What of the contexts comes along with the chosen ones: at most until there are `MOST`.

    First what is asked to the letter, then by score. Looks at the given contexts alone, as `assemble` does.
    """
    steps = sorted(_on_the_way(chosen, contexts, plan), key=_rank)
    some = {
        one.chunk.chunk_id: one for one in (*_to_the_letter(chosen, contexts, plan.wording), *steps)
    }
    there = {one.chunk.chunk_id for one in chosen}
    new = [one for chunk_id, one in some.items() if chunk_id not in there]
    return new[: max(0, MOST - len(chosen))]


def affordable(chosen: Sequence[Context], more: Sequence[Context], tokens: int) -> list[Context]:
    """The chosen, and of the others those that the budget reaches for, in order."""
    passed_on = list(chosen)
    left = tokens - sum(map(assembly.length, chosen))
    for one in more:
        if (length := assembly.length(one)) <= left:
            passed_on.append(one)
            left -= length
    return passed_on


def _on_the_way(
    chosen: Sequence[Context], contexts: Sequence[Context], plan: Plan
) -> list[Context]:
    # Where what fits is about nothing that was asked for or led to, the question is no step on the way to anything.
    if not any(map(_defines, chosen)):
        return []
    compared = _compared(contexts) if plan.intent is Intent.COMPARISON else []
    return compared or _steps(contexts, plan.question)


def _to_the_letter(
    chosen: Sequence[Context], contexts: Sequence[Context], wording: Wording
) -> list[Context]:
    """The best of those that have more identifiers and phrases of the question than any of the chosen."""
    held = {one.chunk.chunk_id: _held(one, wording) for one in contexts}
    most = max(held.values(), default=0)
    if most == max((held[one.chunk.chunk_id] for one in chosen), default=0):
        return []
    having = [one for one in contexts if held[one.chunk.chunk_id] == most]
    return [max(having, key=assembly.best)]


def _held(one: Context, wording: Wording) -> int:
    asked = {term for term in wording.terms if exactly(term)}
    if not asked and not wording.phrases:
        return 0
    texts = (one.chunk.title or "", one.chunk.text)
    found = asked & identifiers("\n".join(texts))
    return len(found) + sum(any(map(phrase.stands_in, texts)) for phrase in wording.phrases)


def _steps(contexts: Sequence[Context], question: str) -> list[Context]:
    """What defines a thing on the way, where the way leads on to one that the question does not name."""
    asked = in_question(question)
    further = (one.path for one in _led_to(contexts, *_ONWARD) if len(one.path) > 1)
    return _led_to(contexts, *_LED_TO) if any(path[-1] not in asked for path in further) else []


def _compared(contexts: Sequence[Context]) -> list[Context]:
    """What defines the things that are compared, where it is two or more."""
    led_to = _led_to(contexts, *_LED_TO)
    return led_to if len({one.path[-1] for one in led_to}) > 1 else []


def _led_to(contexts: Sequence[Context], share: float, by_graph: float) -> list[Context]:
    best = max((one.score for one in contexts), default=0.0)
    return [
        one
        for one in contexts
        if one.score >= share * best and _by_graph(one) >= by_graph and _defines(one)
    ]


def _by_graph(one: Context) -> float:
    return next((hit.score for hit in one.arms if hit.arm is Arm.GRAPH), 0.0)


def _defines(one: Context) -> bool:
    """Whether it is about what the graph was led to."""
    return bool(one.path) and one.path[-1] in titled(one.chunk.title or "") | subject(
        one.chunk.text
    )


def _rank(one: Context) -> tuple[float, str]:
    return -one.score, one.chunk.chunk_id
