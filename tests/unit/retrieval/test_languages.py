"""Languages are told by the small words of the text alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.analysis import analyse
from retrieval.languages import LANGUAGES, detect, named
from retrieval.terms import Terms

TERMS = Terms()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Wem gehört das Konto?", "german"),
        ("Das Schiff verließ den Hafen am Montag.", "german"),
        ("À qui appartient le compte ?", "french"),
        ("¿Quién es el dueño de la cuenta?", "spanish"),
        ("Di chi è il conto?", "italian"),
        ("Van wie is de rekening?", "dutch"),
        ("De quem é a conta?", "portuguese"),
        ("Who owns Die Zeit?", "english"),
        ("Who is the director of La Dolce Vita and Der Untergang?", "english"),
        ("PILOTFISH", "english"),
        ("", "english"),
    ],
)
def test_a_text_is_in_the_language_of_its_small_words(text: str, language: str) -> None:
    assert detect(text) == language
    assert analyse(text, TERMS).language == language


@pytest.mark.parametrize(
    ("value", "language"),
    [
        ("de", "german"),
        ("pt-BR", "portuguese"),
        ("French", "french"),
        ("tlh", None),
        (7, None),
        ("", None),
    ],
)
def test_metadata_name_a_language_or_none(value: object, language: str | None) -> None:
    assert named(value) == language


@given(st.text())
def test_any_text_is_in_some_language(text: str) -> None:
    assert detect(text) in LANGUAGES


def test_small_words_are_left_out_and_others_stemmed_by_the_language() -> None:
    counted = TERMS.counted("", "Die Häfen und der Hafen", "german")
    assert counted.terms["haf"] == 2
    assert "und" not in counted.terms
    assert counted.length == 2


@pytest.mark.parametrize(
    ("question", "passage", "language"),
    [
        ("Who is Jürgen Müller?", "Der Eigner ist Jürgen Müller.", "german"),
        ("Wer ist Jürgen Müller?", "The owner is Jürgen Müller.", "english"),
        ("Qui est Jürgen Müllers?", "Der Eigner ist Jürgen Müllers.", "german"),
        ("wem gehört das konto 4411 2098 77", "The account 4411209877 is closed.", "english"),
    ],
)
def test_names_and_identifiers_are_found_across_languages(
    question: str, passage: str, language: str
) -> None:
    asked = set(analyse(question, TERMS).terms)
    held = TERMS.counted("", passage, language).terms.keys()
    names = {"jürgen", "=4411209877"}
    assert asked & held & names
    assert ("=4411209877" in asked) or any(
        term.startswith(("müll", "mull")) for term in asked & held
    )


def test_the_same_word_in_a_second_form_makes_a_passage_no_longer() -> None:
    counted = TERMS.counted("", "Jürgen Müller", "german")
    assert len(counted.terms) > counted.length == 2
