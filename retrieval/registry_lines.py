"""Relations in registry extracts: "Shareholder: Y (100 %)" under a line "Company: X"."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from retrieval.types import EntityKind, Mention, Relation

_LINE = re.compile(
    r"^[ \t]*(?:[-*•][ \t]+)?(?:\*\*)?(?P<field>[A-Za-z][A-Za-z /()-]{1,40}?)(?:\*\*)?[ \t]*"
    r":(?:\*\*)?[ \t]+(?P<value>\S.*)$",
    re.M,
)
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_SUBJECTS = frozenset(
    ["company", "company name", "name of company", "entity", "entity name", "registered name", "vessel", "ship",
     "name", "vessel name", "name of vessel", "corporate name"]
)  # fmt: skip
_FIELDS: Mapping[str, str] = {
    "owns": "shareholder, sole shareholder, owner, registered owner, beneficial owner, ultimate beneficial "
    "owner, ubo, parent, parent company, member",
    "director_of": "director, managing director, sole director, chairman, ceo, chief executive, secretary, "
    "company secretary, officer, general manager",
    "registered_in": "jurisdiction, registered in, country of incorporation, place of incorporation, flag, "
    "port of registry, country",
    "alias_of": "alias, also known as, former name, trading as, previous name, aka",
    "works_for": "employer",
}
_RELATIONS = {field: kind for kind, fields in _FIELDS.items() for field in fields.split(", ")}
_OF_SUBJECT = frozenset(["registered_in", "works_for"])
"""Relations that go from the subject to the value; the others go the other way."""
_NAMED = (
    EntityKind.PERSON,
    EntityKind.ORGANISATION,
    EntityKind.VESSEL,
    EntityKind.PLACE,
    EntityKind.NAME,
)
_SHARE = re.compile(r"(\d{1,3}(?:[.,]\d+)?) ?(?:%|per ?cent)")
_NONE = re.compile(r"\s*(?:none|no |not |unknown|n/a|former|-)", re.I)


def registry(text: str, mentions: Sequence[Mention]) -> Iterator[Relation]:
    """The relations of each paragraph of field lines; a subject holds to the end of its paragraph.

    Not further: a part is what remains of a document for one label, and the paragraph that followed
    need not have been about the same company.
    """
    named = [m for m in mentions if m.kind in _NAMED]
    start = 0
    for end in [*(gap.start() for gap in _PARAGRAPH.finditer(text)), len(text)]:
        yield from _paragraph(text, start, end, [m for m in named if start <= m.start < end])
        start = end


def _paragraph(text: str, start: int, end: int, mentions: list[Mention]) -> Iterator[Relation]:
    subject: Mention | None = None
    said_from = start
    for line in _LINE.finditer(text, start, end) if mentions else ():
        field = _singular(line["field"])
        values = [m for m in mentions if line.start("value") <= m.start and m.end <= line.end()]
        if field in _SUBJECTS:
            subject, said_from = (values[0] if values else None), line.start()
        elif subject is not None and field in _RELATIONS and not _NONE.match(line["value"]):
            for value in values:
                yield from _relation(
                    text, _RELATIONS[field], field, subject, value, said_from, line
                )


def _relation(
    text: str,
    kind: str,
    field: str,
    subject: Mention,
    value: Mention,
    start: int,
    line: re.Match[str],
) -> Iterator[Relation]:
    if subject.key == value.key:
        return
    source, target = (subject, value) if kind in _OF_SUBJECT else (value, subject)
    share = _SHARE.search(text, value.end, min(line.end(), value.end + 25))
    properties: dict[str, Any] = {"role": field} if kind in ("owns", "director_of") else {}
    if kind == "owns" and share and not re.search(r"[;,]", text[value.end : share.start()]):
        properties["share"] = share[1].replace(",", ".")
    lead = len(text[start : line.end()]) - len(text[start : line.end()].lstrip())
    yield Relation(
        type=kind,
        source=source,
        target=target,
        start=start + lead,
        end=line.end(),
        properties=properties,
    )


def _singular(field: str) -> str:
    plain = re.sub(r"\((?:s|es)\)", "", field).strip().casefold()
    return (
        plain[:-1]
        if plain.endswith("s") and not plain.endswith("ss") and plain not in _RELATIONS
        else plain
    )
