"""Hand-made questions, contexts and answers for the scorers."""

import hashlib
from typing import Any

from eval.cases import Evidence, Pair, Question
from eval.generation import Asked

LABEL = {
    "tenant": "t1",
    "classification": "U",
    "compartments": [],
    "authorities": [],
    "handling": [],
}
SHIP = Evidence(document_id="A", span="The  Corrin Star left at 06:10.", answer="06:10")
CRANE = Evidence(document_id="A", span="The crane was repaired.", answer="repaired")
TRUCK = Evidence(document_id="B", span="A lorry waited until noon.", answer="noon")
ASIDE = Evidence(document_id="C", span="The quay was wet.")


def question(*gold: int, kind: str = "when", name: str = "q1") -> Question:
    return Question(
        id=name,
        split="gate",
        type=kind,
        question="When did the Corrin Star leave?",
        evidence=(SHIP, CRANE, TRUCK),
        gold={"ann": gold},
        also_relevant=(ASIDE,),
    )


def pair(*gold: int, kind: str = "when", name: str = "q1") -> Pair:
    return Pair(question=question(*gold, kind=kind, name=name), sub="ann")


def context(text: str, document_id: str = "A", **ranks: int) -> dict[str, Any]:
    arms = [{"arm": arm, "rank": rank, "score": 1.0} for arm, rank in ranks.items()]
    return {"document_id": document_id, "text": text, "arms": arms}


def citation(quote: str, start: int = 0) -> dict[str, Any]:
    return {
        "document_id": "A",
        "part_id": "p1",
        "start": start,
        "end": start + len(quote),
        "quote": quote,
        "quote_sha256": hashlib.sha256(quote.encode()).hexdigest(),
        "label": LABEL,
    }


def sentence(text: str, *quotes: str) -> dict[str, Any]:
    return {"text": text, "citations": [citation(quote) for quote in quotes]}


def asked(one: Pair, *sentences: dict[str, Any], invalid: tuple[str, ...] = ()) -> Asked:
    """An answer of these sentences; none of them make a NotFound."""
    outcome = {
        "kind": "Answer" if sentences else "NotFound",
        "text": " ".join(each["text"] for each in sentences),
        "sentences": list(sentences),
        "timings_ms": {"vector": 2.0},
    }
    return Asked(pair=one, outcome=outcome, invalid=invalid)
