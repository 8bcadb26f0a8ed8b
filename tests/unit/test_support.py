"""φ: what is not in the premise does not pass, however the claim is worded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.support import TAU, Supported, Unmet, Unsupported, support
from eval.support import best_tau, calibrate, read_pairs

TRANSFER = (
    "On 5 March 2024 Pelorus Ltd paid EUR 48,500.00 to Tern SIA, account LV80 BANK 0000 4351."
)


@pytest.mark.parametrize(
    "claim",
    [
        TRANSFER,
        "Pelorus Ltd paid 48500 euros to Tern SIA on 2024-03-05.",
        "Pelorus Ltd paid 48.500,00 EUR to Tern SIA on 05/03/2024.",
        "Pelorus Ltd paid EUR 48.5k to account LV80BANK00004351 of Tern SIA.",
        "In March 2024 Pelorus Ltd paid Tern SIA.",
        "On March 5, Pelorus Ltd paid Tern SIA.",
    ],
)
def test_the_same_facts_in_another_spelling_are_supported(claim: str) -> None:
    assert isinstance(support(TRANSFER, claim), Supported)


@pytest.mark.parametrize(
    ("premise", "claim", "reason"),
    [
        (TRANSFER, TRANSFER.replace("48,500.00", "84,500.00"), Unmet.FIGURES),
        (TRANSFER, TRANSFER.replace("EUR", "USD"), Unmet.FIGURES),
        (TRANSFER, TRANSFER.replace("5 March", "6 March"), Unmet.FIGURES),
        (TRANSFER, TRANSFER.replace("2024", "2023"), Unmet.FIGURES),
        (TRANSFER, TRANSFER.replace("4351", "4352"), Unmet.FIGURES),
        (TRANSFER, TRANSFER.replace("Tern", "Skua"), Unmet.FIGURES),
        (TRANSFER, "Pelorus Ltd bribed three senior inspectors.", Unmet.FIGURES),
        (TRANSFER, "Pelorus Ltd secretly bribed senior customs inspectors.", Unmet.LEMMAS),
        (TRANSFER, "Tern SIA paid EUR 48,500 to Pelorus Ltd on 5 March 2024.", Unmet.PARTIES),
        (TRANSFER, "Pelorus Ltd never paid EUR 48,500 to Tern SIA.", Unmet.NEGATION),
        ("Halder signed but did not pay.", "Halder paid.", Unmet.NEGATION),
        ("Halder signed but did not pay.", "Halder did not sign.", Unmet.NEGATION),
        ("Brandt denies signing the bill.", "Brandt signed the bill.", Unmet.NEGATION),
        ("No cash, weapons or drugs were found.", "Weapons were found.", Unmet.NEGATION),
        ("The ship sailed at 14:30.", "The ship sailed at 2:45 pm.", Unmet.FIGURES),
        ("The hull MV-2231 was sold.", "The hull MV-22 was sold.", Unmet.FIGURES),
        (TRANSFER, "It is so.", Unmet.EMPTY),
        ("", "Pelorus paid.", Unmet.LEMMAS),
    ],
)
def test_what_the_premise_does_not_say_is_not_supported(
    premise: str, claim: str, reason: Unmet
) -> None:
    assert support(premise, claim) == Unsupported(reason=reason)


@pytest.mark.parametrize(
    ("premise", "claim"),
    [
        ("The ship sailed at 2:30 pm.", "The ship sailed at 14:30."),
        ("He arrived on 03/04/2024.", "He arrived on 4 March 2024."),
        ("He arrived on 03/04/2024.", "He arrived on 3 April 2024."),
        ("Twenty-five crates were opened.", "25 crates were opened."),
        ("A dozen crates were opened.", "12 crates were opened."),
        ("USD 1.2 million was lent.", "$1,200,000 was lent."),
        ("The Latvian broker was questioned.", "The broker from Latvia was questioned."),
        ("See https://a.example/x for the file.", "See hxxps://a[.]example/x for the file."),
        ("The crew did not only smuggle; it forged papers.", "The crew smuggled."),
        ("Nothing was paid.\n\nReiss met Voss.", "Reiss met Voss."),
        ("The master did not\nanswer the call.", "The master did not answer the call."),
    ],
)
def test_spellings_of_figures_and_scopes_of_negation(premise: str, claim: str) -> None:
    assert isinstance(support(premise, claim), Supported)


WORDS = st.sampled_from(
    "The vessel Kestrel Riga not paid never 12 48,500.00 EUR 5 March 2024 03/04/05 no. MV-22 left, but . "
    "and 14:30 denied + +37 a@b.c ½ ٣ 1.2.3 -".split()
)


@given(st.one_of(st.text(max_size=80), st.lists(WORDS, max_size=12).map(" ".join)))
def test_every_text_that_says_something_supports_itself(text: str) -> None:
    verdict = support(text, text)
    assert isinstance(verdict, Supported) or verdict.reason is Unmet.EMPTY


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts_get_a_verdict(premise: str, claim: str) -> None:
    assert support(premise, claim) == support(premise, claim)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_number_is_supported_by_itself_alone(a: int, b: int) -> None:
    verdict = support(f"The fund lost {a:,} shares.", f"The fund lost {b} shares.")
    assert isinstance(verdict, Supported) is (a == b)


def test_long_texts_take_no_longer_than_their_length() -> None:
    for text in ("1,111" * 5_000, "a.1" * 8_000, "A " * 12_000, "(" * 20_000, "1 000 " * 4_000):
        support(text, text + "x")


def test_tau_is_the_calibrated_one_and_keeps_its_figures() -> None:
    pairs = read_pairs()
    assert len(pairs) >= 200
    assert len({(pair.premise, pair.claim) for pair in pairs}) == len(pairs)
    assert best_tau(calibrate([pair for pair in pairs if pair.tuning])) == TAU
    held_out = calibrate([pair for pair in pairs if not pair.tuning], [TAU])[TAU]
    assert held_out.precision >= 0.95
    assert held_out.recall >= 0.90
