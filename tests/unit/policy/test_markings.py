"""Marks say exactly the label, both ways; and what could be taken for a mark is never read as none."""

import contextlib
import time

import pytest
from hypothesis import given

from policy import (
    BadInput,
    Classification,
    Label,
    banner,
    parse_portion,
    portion,
    split_portion,
)
from tests.unit.policy.strategies import labels, strange_labels

C, S, TS, U = (Classification(level) for level in ("C", "S", "TS", "U"))


def marked(
    level: Classification,
    *,
    compartments: tuple[str, ...] = (),
    releasable_to: tuple[str, ...] | None = None,
    authorities: tuple[str, ...] = (),
    handling: tuple[str, ...] = (),
) -> Label:
    return Label(
        tenant="t1",
        classification=level,
        compartments=frozenset(compartments),
        releasable_to=None if releasable_to is None else frozenset(releasable_to),
        authorities=frozenset(authorities),
        handling=frozenset(handling),
    )


@given(labels | strange_labels)
def test_a_mark_reads_back_as_its_label(label: Label) -> None:
    mark = portion(label)
    assert mark == f"({banner(label)})"
    assert parse_portion(mark, "t1", "x") == label
    assert split_portion(f"{mark} Text.", "t1", "x") == (label, "Text.")


@pytest.mark.parametrize(
    ("mark", "label"),
    [
        ("(U)", marked(U)),
        ("(S//NF)", marked(S, releasable_to=("USA",))),
        (
            "(S//HARBOR//REL TO USA, GBR)",
            marked(S, compartments=("HARBOR",), releasable_to=("USA", "GBR")),
        ),
        ("(TS//HARBOR/KITE-2)", marked(TS, compartments=("KITE-2", "HARBOR"))),
        ("(C//REL TO USA, AUS, GBR)", marked(C, releasable_to=("GBR", "AUS", "USA"))),
        ("(C//REL TO NONE)", marked(C, releasable_to=())),
        ("(C//REL TO %4EONE)", marked(C, releasable_to=("NONE",))),
        (
            "(S//AUTH LEGAL/MEDICAL//PII)",
            marked(S, authorities=("LEGAL", "MEDICAL"), handling=("PII",)),
        ),
        ("(U//PHI/PII)", marked(U, handling=("PII", "PHI"))),
        (
            "(S//HARBOR//NF//ORCON/SOURCE)",
            marked(
                S,
                compartments=("HARBOR",),
                releasable_to=("USA",),
                handling=("SOURCE", "ORCON"),
            ),
        ),
        ("(U//COMP LES/OC)", marked(U, compartments=("OC", "LES"))),
        ("(U//COMP NF/alpha%20team)", marked(U, compartments=("alpha team", "NF"))),
    ],
)
def test_how_labels_are_written(mark: str, label: Label) -> None:
    assert portion(label) == mark
    assert parse_portion(mark, "t1", "x") == label


@pytest.mark.parametrize(
    ("mark", "label"),
    [
        ("(SECRET//NOFORN)", marked(S, releasable_to=("USA",))),
        ("(TOP SECRET//HARBOR)", marked(TS, compartments=("HARBOR",))),
        ("(CONFIDENTIAL)", marked(C)),
        ("(UNCLASSIFIED//PII)", marked(U, handling=("PII",))),
        ("(S//REL TO GBR,USA)", marked(S, releasable_to=("USA", "GBR"))),
        ("(S//KITE/HARBOR)", marked(S, compartments=("HARBOR", "KITE"))),
        ("(S//OC)", marked(S, handling=("ORCON",))),
        ("(S//PR/PII)", marked(S, handling=("PROPIN", "PII"))),
        ("(S//NF//OC)", marked(S, releasable_to=("USA",), handling=("ORCON",))),
        ("(S//OC/NF)", marked(S, releasable_to=("USA",), handling=("ORCON",))),
        ("(S//NOFORN/ORCON)", marked(S, releasable_to=("USA",), handling=("ORCON",))),
        (
            "(TS//SI/TK//OC/NF)",
            marked(TS, compartments=("SI", "TK"), releasable_to=("USA",), handling=("ORCON",)),
        ),
        (
            "(S//ORCON/REL TO USA, GBR)",
            marked(S, releasable_to=("USA", "GBR"), handling=("ORCON",)),
        ),
        (
            "(TS//SI//OC/PR/REL TO USA, GBR)",
            marked(
                TS,
                compartments=("SI",),
                releasable_to=("USA", "GBR"),
                handling=("ORCON", "PROPIN"),
            ),
        ),
    ],
)
def test_other_ways_to_write_them_are_read(mark: str, label: Label) -> None:
    assert parse_portion(mark, "t1", "x") == label


def test_the_tenant_is_the_ingesters() -> None:
    assert parse_portion("(U)", "t7", "x").tenant == "t7"


@pytest.mark.parametrize(
    ("paragraph", "text"),
    [
        ("(S) The harbour.", "The harbour."),
        ("(S)The harbour.", "The harbour."),
        ("  (S)\n  The harbour.\nIt rains.", "The harbour.\nIt rains."),
        ("(S)", ""),
    ],
)
def test_the_text_begins_behind_the_mark_and_its_blanks(paragraph: str, text: str) -> None:
    assert split_portion(paragraph, "t1", "x") == (marked(S), text)


@pytest.mark.parametrize(
    "paragraph",
    [
        "",
        "   ",
        "The harbour (S) is closed.",
        "(see annex) It rains.",
        "(see annex //a) It rains.",
        "(Smith) said so.",
        "(A) option",
        "(a) one",
        "(c) 2026 Harbour Ltd",
        "(s) plural",
        "(S)he went.",
        "(Secret meetings were held in 1944.)",
        "(Secretary) Haldane signed.",
        "(u) the second vowel",
        "1. (c) 2026 Harbour Ltd",
        "a. (s) plural",
        "(C-130 aircraft) landed.",
        "(U.S. NAVY) ships",
        "C://Users and c//d",
        "Take f(c//2) or f(S//2).",
        "Dr. (Sofie) Marr",
        "1. (A) one, 2. (B) two",
        "Secret meetings",
        "\u201eTop Secret\u201c is a film.",
        "(C/O Harbour Ltd)",
        "(C/o Harbour Ltd)",
        "(S/N 12345) is the device.",
        "(USA) teams",
        "(PR 12) is the pull request.",
        "(Source) said so.",
        "(REL is a word) here.",
        "(https://example.org) is down.",
        "(Sunday) it rained.\n(Monday) it did not.",
        "- option\n- (A) another",
        "S is a letter / and TS are two.",
    ],
)
def test_prose_is_no_mark(paragraph: str) -> None:
    assert split_portion(paragraph, "t1", "x") == (None, paragraph)


@pytest.mark.parametrize(
    "paragraph",
    [
        "(X//NF) text",
        "(S/NF) text",
        "(S/REL TO USA) text",
        "(TS/SCI//NF) text",
        "(TS/SCI) text",
        "(S NF) text",
        "(S, NOFORN) text",
        "(S-NF) text",
        "(S//) text",
        "(S//NF//) text",
        "(S//NF//HARBOR) text",
        "(S//HARBOR//KITE) text",
        "(S//harbor) text",
        "(S//HARBOR, KITE) text",
        "(S//NF/HARBOR) text",
        "(S//PII/DRAFT) text",
        "(S//HANDLING DRAFT) text",
        "(S//OC/NF//PII) text",
        "(S//OC/NF/HARBOR) text",
        "(S//NF//OC/NF) text",
        "(S//OC/NF/REL TO GBR) text",
        "(S//NF/NF/OC) text",
        "(OC/NF) text",
        "(OC//NF) text",
        "(CUI) text",
        "(NF) text",
        "(REL TO USA, GBR) text",
        "[FOUO] text",
        "- (PII) text",
        "(S//PII//OC) text",
        "(S//REL USA) text",
        "(S//REL TO) text",
        "(S//REL TO ) text",
        "(S//REL TO USA GBR) text",
        "(S//REL TO USA,, GBR) text",
        "(S//REL TO NONE, USA) text",
        "(S//REL TO USA//NF) text",
        "(S//AUTH ) text",
        "(S//AUTH a b) text",
        "(S//COMP %4e) text",
        "(S//COMP %FF) text",
        "(S//COMP HARBOR//COMP KITE) text",
        "(S //NF) text",
        "( S//NF) text",
        "( S ) text",
        "(SECRET ) text",
        "(s//nf) text",
        "(Secret//NF) text",
        "(COSMIC//NF) text",
        "(S//NF text without an end",
        "(S//HARBOR (see annex)) text",
        "[S//NF] text",
        "S//NF",
        "SECRET//NOFORN",
        "\uff08S\uff0f\uff0fNF\uff09 text",
        "\ufeff(S//NF) text",
        "(S\u200b//NF) text",
        "# (S) Heading",
        "- (S//NF) item",
        "1. (S) item",
        "**(S//NF)** text",
        "> (S) quoted",
        "(U) text\n(S//NF) more text",
        "text\n- (S) item",
        # behind the number or sign of a list, a quotation, an escape, a tag
        "a. (S//NF) text",
        "A. (S) text",
        "i. (S) text",
        "iv) (S) text",
        "(1) (TS//HARBOR) text",
        "(a) (S) text",
        "(a)(S) text",
        "1.1 (S//NF) text",
        "1.a.i (S) text",
        "1. (a) i. (S) text",
        "2024-03-02 10:15 (S) text",
        "\u2022 (TS//HARBOR) text",
        "\u2013 (S//NF) text",
        "\u00a7 5 (S) text",
        "\u2610 (S) text",
        '"(S//NF) text"',
        "\\(S//NF) text",
        "(S\\/\\/NF) text",
        "&#40;S) text",
        "<b>(S//NF)</b> text",
        "(<b>S</b>//NF) text",
        "<!-- (S//NF) --> text",
        "((S)) text",
        "_" * 3000 + "(S) text",
        # other ways to write a level
        "(Secret) text",
        "(Top Secret) text",
        "(top secret, HARBOR) text",
        "(ts) text",
        "(TS)informant",
        "(S)informant",
        "[S] text",
        "[TS] text",
        "{S//NF} text",
        "(S-HARBOR) text",
        "(S_HARBOR) text",
        "(TS,SI) text",
        "(s, noforn) text",
        "(**S**) text",
        "(S? ) text",
        "(//GBR S) text",
        "(S\n//NF) text",
        "(S\n) text",
        "TOP SECRET",
        "SECRET\ntext",
        # in letters that look like them, or with some that do not show
        "(S\u2044\u2044NF) text",
        "(S\u2215\u2215NF) text",
        "(\u0405//NF) text",
        "(\u0405) text",
        "(\u0422\u0405//HARBOR) text",
        "\u2768S\u2769 text",
        "(S\u0336) text",
        "(S\u3164) text",
        "\U0001f122 text",
        # anywhere else
        "The harbour (S//NF) is closed.",
        "The harbour (ts//HARBOR) is closed.",
        "The harbour (s//nf) is closed.",
        "The harbour [Secret // NOFORN] is closed.",
        "Classification: SECRET//NOFORN",
        "(U) text (S//NF) more",
        "(U) (S) text",
        "(U) 1. (S) text",
    ],
)
def test_what_looks_like_a_mark_and_is_none_is_refused(paragraph: str) -> None:
    with pytest.raises(BadInput) as refused:
        split_portion(paragraph, "t1", "report.md, paragraph 3")
    assert refused.value.message.startswith("report.md, paragraph 3: ")
    assert "(S//NF)" in refused.value.message


@pytest.mark.parametrize("text", ["S//NF", "", "(S) text", "(Q)", "()", "(S//NF"])
def test_only_a_whole_mark_is_parsed(text: str) -> None:
    with pytest.raises(BadInput, match=r"^report\.md: "):
        parse_portion(text, "t1", "report.md")


@pytest.mark.parametrize("text", ["#\n", "(", "1", "1.", "(S", "_", "/", "<a", "&#40;", "i.", " "])
@pytest.mark.timed
def test_no_paragraph_takes_long_to_look_through(text: str) -> None:
    began = time.perf_counter()
    with contextlib.suppress(BadInput):
        split_portion(text * 100_000, "t1", "x")
    assert time.perf_counter() - began < 2


def test_a_refusal_repeats_the_mark_and_not_the_text_behind_it() -> None:
    with pytest.raises(BadInput) as refused:
        split_portion("(S/NF) The source lives in the harbour.", "t1", "x")
    assert "'(S/NF)'" in refused.value.message
    assert "harbour" not in refused.value.message
