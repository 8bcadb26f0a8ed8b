"""Traps: documents through which hidden text could slip into what somebody else gets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from copilot.ingest.documents import Document, Part
from copilot.ingest.parts import gathered
from eval.interference.world import Story, invented
from policy.labels import Label, join_all
from retrieval.entities import mentions

ROSTER = "ROSTER"
TRANSFER = "T-"
_NOTES = 45
"""One-sentence documents about one firm: beyond the 30 chunks an entity and the 40 an arm may give."""
_ROSTER = 80
"""Names with a word in common: beyond the 64 entities that a question may spread from."""
_SAYS = (
    "{a}, also known as {c}, was seen on the quay.",
    "{a} met {b} on 4 March 2024.",
    "{a} works for {b}.",
    "{a} paid EUR 9,400 to {b}.",
    "{a} is the sole owner of {b}.",
    "{a} telephoned {b} twice.",
)
_ASSERTIONS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What one tenant's documents are drawn from."""

    rng: Random
    labels: Sequence[Label]
    stories: Sequence[Story]
    notes: Sequence[str]

    def label(self, *, other_than: Label | None = None) -> Label:
        return self.rng.choice([one for one in self.labels if one != other_than])

    def names(self) -> list[str]:
        """What the stories name in two words or more."""
        return sorted(
            {name for one in self.stories for text in one.paragraphs for name in named(text)}
        )


@cache
def named(text: str) -> tuple[str, ...]:
    """The names of two words or more in a text, as the product reads them."""
    found = (one.surface for one in mentions(text) if one.surface.istitle() and " " in one.key)
    return tuple(dict.fromkeys(found))


def story(draft: Draft, name: str, told: Story) -> Document:
    """A story under one label or portion-marked; its title now and then under a label of its own."""
    one, mixed = draft.label(), draft.rng.random() < 0.7
    labels = [draft.label() if mixed else one for _ in told.paragraphs]
    parts = gathered(zip(labels, told.paragraphs, strict=True), between="\n\n")
    own = draft.label() if draft.rng.random() < 0.4 else None
    return _document(name, told.title, parts, own)


def copies(draft: Draft, told: Sequence[Document]) -> Iterator[Document]:
    """Near copies under other labels, the first a copy to the letter."""
    for at, original in enumerate(draft.rng.sample(told, min(4, len(told)))):
        part = draft.rng.choice(original.parts)
        text = part.text if at == 0 else f"{part.text} This was confirmed."
        label = draft.label(other_than=part.label)
        yield _document(f"COPY-{at}", original.title, (Part(label=label, text=text),))


def same_ids(draft: Draft, told: Sequence[Document]) -> Iterator[Document]:
    """Other documents with an id that is there, under another label."""
    for original in draft.rng.sample(told, min(3, len(told))):
        about = draft.rng.choice(draft.stories)
        label = draft.label(other_than=original.label)
        part = Part(label=label, text=draft.rng.choice(about.paragraphs))
        yield _document(original.document_id, about.title, (part,))


def transfers(draft: Draft) -> Iterator[Document]:
    """Transfers of one firm, each a document of its own: what wears out the limits on fan-out."""
    payer = payer_of(draft.notes[0])
    about = [note for note in draft.notes if payer in note]
    for at, note in enumerate(draft.rng.sample(about, min(_NOTES, len(about)))):
        yield _document(
            f"{TRANSFER}{at:03}", f"Transfer {at}", (Part(label=draft.label(), text=note),)
        )


def payer_of(note: str) -> str:
    """Who pays in "On DATE, PAYER (account …) paid …"."""
    return note.split(" (account", maxsplit=1)[0].split(", ", 1)[1]


def assertions(draft: Draft) -> Iterator[Document]:
    """Aliases and relations between names of the stories, each under a label of its own."""
    known = draft.names()
    for at in range(_ASSERTIONS):
        a, b = draft.rng.sample(known, 2)
        text = _SAYS[at % len(_SAYS)].format(a=a, b=b, c=f"the {invented(draft.rng)}")
        yield _document(f"N-{at:02}", f"Note {at}", (Part(label=draft.label(), text=text),))


def roster(draft: Draft, word: str) -> Document:
    """Ships that all bear a known word: more candidates than a question may start from."""
    rng = Random(word)
    ships = (f"The {invented(rng)} {word} lay at the quay." for _ in range(_ROSTER))
    return _document(ROSTER, "Ships", (Part(label=draft.label(), text=" ".join(ships)),))


def _document(name: str, title: str, parts: tuple[Part, ...], own: Label | None = None) -> Document:
    return Document(
        document_id=name,
        title=title,
        label=own or join_all(part.label for part in parts),
        parts=parts,
        source=f"{name}.md",
        metadata={"kind": "report"},
    )
