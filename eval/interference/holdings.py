"""Holdings: what a database holds, divided for one reader by the oracle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from eval.cases import Attributes
from eval.oracle import Rule

_IDS = """
    SELECT 'part' AS kind, part_id AS id, value AS label FROM parts JOIN labels USING (label_id)
    UNION SELECT 'withheld', part_id, jsonb_build_object('part', p.value, 'document', d.value)
        FROM parts JOIN documents USING (document_key)
        JOIN labels p ON p.label_id = parts.label_id JOIN labels d ON d.label_id = documents.label_id
    UNION SELECT 'document', document_id, value FROM documents JOIN labels USING (label_id)
    UNION SELECT 'chunk', chunk_id, value FROM chunks JOIN labels USING (label_id)
    UNION SELECT 'following', chunk_id, value FROM chunks JOIN labels USING (label_id) WHERE start_at > 0
    UNION SELECT 'entity', entity_id, value FROM mentions JOIN labels USING (label_id)
    UNION SELECT 'name', surface, value FROM mentions JOIN labels USING (label_id)
        WHERE kind IN ('person', 'organisation', 'vessel', 'place', 'name')
    UNION SELECT 'joined', source_id || ' ' || target_id, value FROM relations JOIN labels USING (label_id)
    UNION SELECT 'term', term, value FROM posting_blocks JOIN labels USING (label_id)
    UNION SELECT 'token', key, value FROM name_tokens JOIN labels USING (label_id)
    UNION SELECT 'defined', key, value FROM definitions JOIN labels USING (label_id)
    UNION SELECT 'entry', ledger_id, value FROM ledger_acts JOIN labels USING (label_id)
    UNION SELECT 'answer', answer_id, value
        FROM answers, unnest(label_ids) label_id JOIN labels USING (label_id)
    UNION SELECT 'citing answer', answer_id, citation -> 'label'
        FROM answers, jsonb_path_query(body, '$.sentences[*].citations[*]') citation
    ORDER BY 1, 2
"""
_NEEDS_ALL = ("answer", "citing answer")
Held = Sequence[tuple[str, str, Mapping[str, Any]]]
"""Kind, id and label of everything that may be asked for by itself.

A part is "withheld" where it can be read and its document's own id cannot: it then stands for the document.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Ids by kind. What stands under two labels is visible where either is.

    A "shared name" is one that readable and unreadable texts bear, a hidden "citing answer" one that
    quotes something unreadable; a "following" chunk has one before it, and "joined" are the two entities
    of a relation, with a space between.
    """

    visible: Mapping[str, Sequence[str]]
    hidden: Mapping[str, Sequence[str]]

    def every(self, kind: str) -> list[str]:
        return sorted([*self.visible.get(kind, ()), *self.hidden.get(kind, ())])


async def held(url: str) -> Held:
    """Everything with its label, read as the owner."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        return await (await connection.execute(_IDS)).fetchall()


def divided(everything: Held, person: Attributes, rule: Rule) -> Holdings:
    """What this person may read and what not; an answer needs all of its labels."""
    seen: dict[str, set[str]] = {}
    unseen: dict[str, set[str]] = {}
    for kind, name, label in everything:
        if kind == "withheld":
            readable = rule(person, label["part"]) and not rule(person, label["document"])
        else:
            readable = rule(person, label)
        side = seen if readable else unseen
        side.setdefault(kind, set()).add(name)
    shared = seen.get("name", set()) & unseen.get("name", set())
    for kind in seen.keys() & unseen.keys():
        strict = kind in _NEEDS_ALL
        (seen if strict else unseen)[kind] -= (unseen if strict else seen)[kind]
    return Holdings(visible=_sorted(seen | {"shared name": shared}), hidden=_sorted(unseen))


def _sorted(ids: Mapping[str, set[str]]) -> dict[str, list[str]]:
    return {kind: sorted(some) for kind, some in ids.items()}
