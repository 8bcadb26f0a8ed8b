"""The card of an embedding model is taken whole or refused with the place and what it must be."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.errors import Misconfigured
from retrieval.embedding_card import FILES, Card, Pooling

GIVEN = {"name": "mine", "dimension": 64, "max_tokens": 128, "pooling": "mean"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def folder(at: Path, card: object, *, weights: bytes = b"w", tokenizer: bytes = b"t") -> Path:
    at.mkdir()
    for name, content in zip(FILES, (weights, tokenizer, json.dumps(card).encode()), strict=True):
        (at / name).write_bytes(content)
    return at


def test_what_it_says_is_read(tmp_path: Path) -> None:
    said = GIVEN | {"pooling": "cls", "question_prefix": "query: ", "passage_prefix": "passage: "}
    card = Card.read(folder(tmp_path / "m", said))
    assert card.pooling is Pooling.CLS
    assert {**said, "weights_sha256": ""} == card.to_json()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"dimension": 0}, "dimension must be a number from 1 to 1536"),
        ({"dimension": True}, "dimension"),
        ({"dimension": None}, "dimension"),
        ({"max_tokens": "128"}, "max_tokens"),
        ({"pooling": "max"}, "pooling must be one of"),
        ({"name": " "}, "no name"),
        ({"passage_prefix": 1}, "passage_prefix must be a text"),
        ({"surprise": 1}, "no other keys"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(Misconfigured, match=complaint) as caught:
        Card.from_json(GIVEN | change, where="the card")
    assert "the card" in caught.value.message


@given(JSON | st.dictionaries(st.sampled_from([*GIVEN, "weights_sha256"]), JSON))
def test_any_json_is_a_card_or_misconfigured(value: object) -> None:
    try:
        card = Card.from_json(value, where="it")
    except Misconfigured:
        return
    assert Card.from_json(card.to_json(), where="it") == card


def test_a_folder_without_one_is_told_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"card\.json"):
        Card.read(tmp_path)
    (tmp_path / "card.json").write_text("{")
    with pytest.raises(Misconfigured, match="not JSON"):
        Card.read(tmp_path)


def test_another_identity_is_whatever_gives_passages_other_vectors(tmp_path: Path) -> None:
    """Its name and what is put before a question may change: stored vectors are none the worse."""
    first = folder(tmp_path / "first", GIVEN)
    same = Card.read(first).identity(first)
    cards = {
        "renamed": (GIVEN | {"name": "other", "question_prefix": "q: "}, {}, True),
        "cut": (GIVEN | {"dimension": 32}, {}, False),
        "prefixed": (GIVEN | {"passage_prefix": "p: "}, {}, False),
        "pooled": (GIVEN | {"pooling": "cls"}, {}, False),
        "longer": (GIVEN | {"max_tokens": 129}, {}, False),
        "weights": (GIVEN, {"weights": b"x"}, False),
        "tokenizer": (GIVEN, {"tokenizer": b"x"}, False),
    }
    for name, (card, content, expected) in cards.items():
        at = folder(tmp_path / name, card, **content)
        assert (Card.read(at).identity(at) == same) is expected, name
