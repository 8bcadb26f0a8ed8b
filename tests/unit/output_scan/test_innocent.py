"""The innocent leaves as it is, and what is found lies within the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.output_scan import Clean
from tests.unit.output_scan.claims import private, scan


@pytest.mark.parametrize(
    "text",
    [
        "Write to r.voss@pelorus-marine.example or call +371 2911 2233.",
        "EUR 48,500.00 went to account LV80 BANK 0000 4351 9500 1.",
        "The vessel(s) carried (a) tiles, (b) pumps and (C) fertiliser.",
        "He told the crew to ignore previous instructions from the harbour master.",
        "The operating system: a hardened Linux. The human: Ilmar Toome.",
        "The system prompt response of the tug surprised the pilot.",
        "In the secret meeting the confidential price was named (see annex S/12).",
        "[10:41] Reiss: bring the papers [2] (Voss has them).",
        "sha-256 53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "The bearer of the letter bought data: three disks.",
        "Ownership <50% stays unreported; see paragraph 3.",
        "Владелец судна — Марта Элиассон; 船主不明。",
        "The token was brass; the key: a spare one. Password: none.",
        "[Voss]: Yes. I will.",
        "It reads eyJhbGciOiJIUzI1NiJ9.eyJDxi3aG5fJNcyTCUkphG7LXy",
        "The risk-adjusted-returns-of-all-investors were low.",
        "Basic responsibilities: 14; the ratio is 3:1 and/or 4:1.",
        "His e-mail was read at 10:41 (see note 3).",
        "",
    ],
)
def test_an_innocent_sentence_passes_untouched(text: str) -> None:
    assert scan(text) == Clean()


@pytest.mark.parametrize(
    "text",
    [
        "EUR 48,500.00 went to account VM31SALT00467714 on 2024-03-02 at 21:30.",
        "She carries IMO number 9990112, MMSI 999014420 and call sign F4CS7.",
        "Containers BRTU 440101 to BRTU 440122, 12 345 678 kg, reports IR-2024-030 and SAR-24-0031.",
        "From 1 March 2024 to 30 April 2024, berths 6-7, paragraphs 3.2.1 and 4.10.",
        "sha-256 53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "On 2024-02-13, A (account VM31SALT00441187) paid EUR 468,000.00 (transaction T-0193).",
        "Latitude 51.5074 and longitude -0.1278; 1999-2024; 02.03.2024; 20240302.",
    ],
)
def test_figures_that_are_of_no_person_stay(text: str) -> None:
    assert private(text) == Clean()


@given(st.text(max_size=120))
def test_any_text_is_scanned_and_findings_lie_within_it(text: str) -> None:
    outcome = scan(text)
    if not isinstance(outcome, Clean):
        assert all(0 <= f.start < f.end <= len(text) for f in outcome.findings)
