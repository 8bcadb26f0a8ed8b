"""What looks the same is the same, and a fold of one use does not change another's."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.folding import LOOK_ALIKES, Folds


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ЅЕСRЕТ", "SECRET"),
        ("ＳＥＣＲＥＴ", "SECRET"),
        ("S\u200bE\u00adC\u2060R\u034fE\u0336T", "SECRET"),
        ("S\u1160\u3164E", "SE"),
        ("S⁄⁄NF S⫽NF", "S//NF S//NF"),
        ("é ö å", "e o a"),
        ("a\r\nb\u2028c\td", "a\n\nb\nc\td"),
        ("𝐒 ﬁ ½", "S fi 1/2"),
        ("Владелец", "Bлaдeлeц"),
    ],
)
def test_what_looks_the_same_is_the_same(text: str, folded: str) -> None:
    assert text.translate(Folds({"В": "B"})) == folded


def test_what_one_use_folds_beyond_that_is_its_own() -> None:
    own = Folds({"_": " ", "А": "x"}, {"Ps": "("})
    assert "a_[А".translate(own) == "a (x"
    assert "a_[А".translate(Folds()) == "a_[A"


@given(st.characters())
def test_a_character_is_looked_up_once(char: str) -> None:
    folds = Folds()
    assert char.translate(folds) == char.translate(folds)
    assert len(folds) == 1


def test_look_alikes_are_no_ascii_and_stand_for_ascii() -> None:
    assert not any(char.isascii() for char in LOOK_ALIKES)
    assert all(plain.isascii() for plain in LOOK_ALIKES.values())
    assert all(unicodedata.name(char) for char in LOOK_ALIKES)
