"""Whose rights do not open personal data gets none, in a sentence or in a quote."""

import random

import pytest

from copilot.output_scan import Clean, Kind, Redacted, Withheld
from eval.synthetic import PERSONAL, samples
from tests.unit.output_scan.claims import kinds, private, scan


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Write to r.voss@pelorus.example soon.", "Write to [e-mail removed] soon."),
        ("Write to r.voss [at] pelorus [dot] example.", "Write to [e-mail removed]."),
        ("Call +371 2911 2233 now.", "Call [telephone number removed] now."),
        ("Call 555-0151 or (212) 736-5000.", "Call [telephone number removed] or [telephone number removed]."),
        ("He dialled 0044 20 7946 0018.", "He dialled [telephone number removed]."),
        ("Card 4111 1111 1111 1111, 12/27.", "Card [card number removed], 12/27."),
        ("Card 4111\u20114111\u20111111\u20111110 is none.", None),
        ("To GB82 WEST 1234 5698 7654 32 IN MARCH.", "To [bank account removed] IN MARCH."),
        ("To gb82west12345698765432.", "To [bank account removed]."),
        ("To GB83 WEST 1234 5698 7654 32.", None),
        ("From 10.0.0.7 and 2001:db8::7.", "From [IP address removed] and [IP address removed]."),
        ("At 10[.]0[.]0[.]7:8080.", "At [IP address removed]:8080."),
        ("Number 123-45-6789.", "Number [identity number removed]."),
        ("His social security number is 123456789.", "His [identity number removed]."),
        ("The passport, number FI 7720419, is his.", "The [identity number removed], is his."),
        ("Number AB 12 34 56 C.", "Number [identity number removed]."),
        ("To 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa.", "To [crypto-currency address removed]."),
        ("To 0x52908400098527886E0F7030069857D2E4169EE7.", "To [crypto-currency address removed]."),
    ],
)  # fmt: skip
def test_personal_data_in_a_sentence_is_taken_out(text: str, shown: str | None) -> None:
    outcome = private(text)
    if shown is None:
        assert outcome == Clean()
    else:
        assert isinstance(outcome, Redacted)
        assert outcome.text == shown
    assert scan(text) == Clean()


@pytest.mark.parametrize("type_", sorted(PERSONAL))
def test_generated_personal_data_is_found_wherever_it_stands(type_: str) -> None:
    rng = random.Random(type_)
    for _ in range(40):
        value = PERSONAL[type_](rng)
        assert kinds(private(f"Tel. {value} was written there.")), value


def test_the_generator_of_the_eval_is_the_same_for_the_same_seed() -> None:
    assert list(samples(3, 2)) == list(samples(3, 2))


def test_what_a_quote_shows_as_well_is_withheld_since_quotes_are_exact() -> None:
    said = "Write to r.voss@pelorus.example soon."
    assert isinstance(private(said, said), Withheld)
    assert isinstance(private("He may be written to.", said), Withheld)
    assert kinds(private("He may be written to.", said)) == {Kind.EMAIL}


def test_an_address_in_a_link_is_gone_from_what_is_left_of_the_link() -> None:
    outcome = private("See https://a.example/?m=r.voss@pelorus.example now.")
    assert isinstance(outcome, Redacted)
    assert "voss" not in outcome.text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Elsa Vance said so.", "[name removed] said so."),
        ("ELSA  VANCE said so.", "[name removed] said so."),
        ("Elsa Vance's flat was sold.", "[name removed]'s flat was sold."),
        ("\u0395lsa V\u200bance said so.", "[name removed] said so."),
        ("It was Zo\u00eb Drill.", "It was [name removed]."),
        ("It was Zoe Drill.", "It was [name removed]."),
        ("Then Drill left.", "Then [name removed] left."),
        ("Elsa said so.", None),
        ("They drill for oil.", None),
        ("Vance, Elsa", None),
    ],
)
def test_the_names_of_persons_are_personal_data(text: str, shown: str | None) -> None:
    outcome = private(text, persons=["Elsa Vance", "Zo\u00eb Drill", "Drill", "X", ""])
    assert outcome == Clean() if shown is None else getattr(outcome, "text", None) == shown


def test_personal_data_in_an_encoding_is_taken_out_with_the_encoding() -> None:
    outcome = private("Write to ci52b3NzQHBlbG9ydXMuZXhhbXBsZQ== soon.")
    assert isinstance(outcome, Redacted)
    assert "ci52b3Nz" not in outcome.text
    twice = private("r&#46;voss&#64;pelorus.example and r&#46;voss&#64;pelorus.example")
    assert isinstance(twice, Redacted)
    assert twice.text == "[e-mail removed] and [e-mail removed]"
