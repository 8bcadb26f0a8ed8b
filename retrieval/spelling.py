"""Spelling: a name that no visible passage has is read as the one a letter away that some visible entity has.

Only names of letters, and nothing in quotes: numbers and what is wanted to the letter mean what they say. The
graph says what a name is: "Holger" is not read as "holder", in however many passages that stands.
"""

from collections.abc import Iterator
from string import ascii_lowercase

from policy.scope import Scope
from retrieval import grounding
from retrieval.analysis import Plan, reread
from retrieval.keyword import Ranking
from retrieval.ports import GraphStore, PassageStore
from retrieval.terms import Terms

_SHORTEST = 5
"""Letters of a name; among shorter ones too many lie next to each other."""
_MOST_NAMES = 3
_MOST_TRIED = 16
"""Of those next to a name that stand in passages, the most frequent: how many are looked for among entities."""


async def mended(
    passages: PassageStore, graph: GraphStore, plan: Plan, ranking: Ranking, *, scope: Scope
) -> Plan | None:
    """The plan with such names read as those next to them; None where there are none."""
    terms = Terms()
    found: dict[str, str] = {}
    for name in _unknown(plan, ranking, terms):
        known = await _standing(passages, name, plan.language, terms, scope)
        for other in known:
            if await graph.entities([other], 1, scope=scope):
                found[name] = other
                break
    return reread(plan, found, terms) if found else None


def may_be_misspelt(name: str) -> bool:
    """Whether it consists of letters, and of enough of them."""
    return len(name) >= _SHORTEST and name.isascii() and name.isalpha()


def _unknown(plan: Plan, ranking: Ranking, terms: Terms) -> list[str]:
    quoted = {word for phrase in plan.wording.phrases for word in phrase.words}
    names = [
        name
        for name in dict.fromkeys(grounding.names(plan.question))
        if may_be_misspelt(name) and name not in quoted
    ]
    unknown = (
        name for name in names if ranking.absent.issuperset(terms.stems(name, plan.language))
    )
    return [*unknown][:_MOST_NAMES]


async def _standing(
    passages: PassageStore, name: str, language: str, terms: Terms, scope: Scope
) -> list[str]:
    """Those next to the name that visible passages have, the most frequent first."""
    stems = {
        one: some[0] for one in _next_to(name) if (some := terms.stems(one, language))
    }  # words that say nothing have none
    postings = await passages.postings(sorted(set(stems.values())), scope=scope)
    frequency = {stem: len(one.positions) for stem, one in postings.lists.items()}
    standing = [one for one, stem in stems.items() if stem in frequency]
    return sorted(standing, key=lambda one: (-frequency[stems[one]], one))[:_MOST_TRIED]


def _next_to(word: str) -> set[str]:
    """What one letter less, more or other makes of it, or two neighbours exchanged."""
    return {one for one in _variants(word) if one != word}


def _variants(word: str) -> Iterator[str]:
    for at in range(len(word) + 1):
        before, after = word[:at], word[at:]
        yield from (before + letter + after for letter in ascii_lowercase)
        if after:
            yield before + after[1:]
            yield from (before + letter + after[1:] for letter in ascii_lowercase)
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]
