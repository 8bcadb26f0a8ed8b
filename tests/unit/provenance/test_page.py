"""The page of an answer: nothing that anybody said becomes a part of it, and it needs nothing and nobody to be read."""

import base64
import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from itertools import zip_longest

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from copilot.provenance.account import Account, Audience
from copilot.provenance.markup import Markup, element, text
from copilot.provenance.page import page
from tests.unit.provenance.entries import PROOF, TEXTS, reader, recorded, told
from tests.unit.provenance.html_page import Page

HOSTILE = [
    "<script>alert(1)</script>",
    "</span></li></ol><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    '" style="background:url(//evil.example)',
    "</style><style>*{display:none}</style>",
    "</title><meta http-equiv=refresh content='0;url=//evil.example'>",
    "<!--",
    "]]><![CDATA[",
    "<?php echo 1 ?>",
    "&lt;b&gt; &amp;amp; &#x3c;script&#x3e;",
    "\u202e)S( ,yrassecennu ,tenalp\u202c",
    "a\u0000b\u0008c\u2028d\ufeffe\u200bf\U000e0041g",
    "(U//NOTHING) {{7*7}} ${7*7} javascript:alert(1)",
    "\ud800half",
]
WORDS = st.text(min_size=1, max_size=60)
SAID = st.fixed_dictionaries(
    dict.fromkeys(TEXTS, st.one_of(WORDS, st.sampled_from(HOSTILE))),
)


@cache
def plain(audience: Audience) -> Account:
    return told(to=reader(audience))


@cache
def skeleton(audience: Audience) -> list[tuple[str, list[tuple[str, str]]]]:
    return Page(page(spoken(dict.fromkeys(TEXTS, "x"), audience))).skeleton


def spoken(said: Mapping[str, str], audience: Audience) -> Account:
    """An account in which these are said, also what no record could hold."""
    found = plain(audience)
    first, *others = found.sentences
    assert found.act is not None
    return replace(
        found,
        question=said["question"],
        act=replace(
            found.act,
            sub=said["sub"],
            operator=said["operator"],
            reason=said["reason"],
            purpose=said["purpose"],
        ),
        sentences=(
            replace(
                first,
                text=said["first"],
                citations=tuple(replace(one, quote=said["second"]) for one in first.citations),
            ),
            *others,
        ),
        sources=tuple(replace(one, document_id=said["document"]) for one in found.sources),
        dropped=tuple(replace(one, reason=said["dropped"]) for one in found.dropped),
        calls=tuple(replace(one, model=said["said"]) for one in found.calls),
        leaf=said["unnamed"],
        tenant=said["question"],
    )


@given(SAID, st.sampled_from(Audience))
@example(dict.fromkeys(TEXTS, HOSTILE[0]), Audience.AUDITOR)
@settings(max_examples=40)
def test_what_is_said_changes_no_element_of_it(said: dict[str, str], audience: Audience) -> None:
    hostile = Page(page(spoken(said, audience)))
    pairs = zip_longest(hostile.skeleton, skeleton(audience))
    assert [(one, wanted) for one, wanted in pairs if one != wanted][:1] == []
    for told_by in ("question", "first", "reason"):
        assert _seen(said[told_by]) in hostile.text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_whatever_is_said_is_read_as_it_was_said(hostile: str) -> None:
    whole = Page(page(spoken(dict.fromkeys(TEXTS, hostile), Audience.ASKER)))
    said = [one.text for one in whole.named("span") if one.get("class") == "said"]
    assert _seen(hostile) in said


def test_what_cannot_be_seen_is_named_and_turns_nothing_around() -> None:
    assert text("a\u202eb\u0000c\nd") == "a⟦U+202E⟧b⟦U+0000⟧c\nd"
    shown = page(
        spoken(dict.fromkeys(TEXTS, "\u202e\u2066\u200f\u061c"), Audience.AUDITOR)
    ).decode()
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]", shown)


def test_it_loads_nothing_and_runs_nothing() -> None:
    whole = Page(page(told()))
    policies = [one.get("content") or "" for one in whole.named("meta") if one.get("http-equiv")]
    [policy] = policies
    said = dict(one.strip().split(" ", 1) for one in policy.split(";"))
    [style] = whole.named("style")
    digest = base64.b64encode(hashlib.sha256(style.text.encode()).digest()).decode()
    assert said == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert "url(" not in style.text
    assert "@import" not in style.text
    order = [one.name for one in whole.elements]
    assert order.index("meta") < order.index("title") < order.index("style")
    assert whole.elements[2].get("charset") == "utf-8"


@pytest.mark.parametrize("audience", Audience)
def test_it_bears_the_marking_of_all_that_it_tells_at_both_ends(audience: Audience) -> None:
    whole = Page(page(told(to=reader(audience))))
    banners = [one.text for one in whole.named("p") if one.get("class") == "banner"]
    assert len(banners) == 2
    assert banners[0] == banners[1] == "Classification of this page: TS"
    assert whole.text.startswith(banners[0])
    assert whole.text.endswith(banners[1])
    assert whole.named("title")[0].text.startswith("(TS) ")


@pytest.mark.parametrize("audience", Audience)
def test_it_can_be_read_without_seeing_it(audience: Audience) -> None:
    whole = Page(page(told(to=reader(audience))))
    assert whole.declaration == "DOCTYPE html"
    assert whole.named("html")[0].get("lang") == "en"
    assert len(whole.named("h1")) == 1
    tables = whole.named("table")
    assert len(whole.named("caption")) == len(tables)
    assert all(one.text.strip() for one in whole.named("caption"))
    assert all(one.get("scope") in {"row", "col"} for one in whole.named("th"))
    assert all(one.text.strip() for one in whole.named("h2"))
    assert len(whole.named("section")) == len(whole.named("h2"))


def test_it_tells_what_the_case_file_needs() -> None:
    whole = Page(page(told())).text
    for said in (
        *("ann", "root", "case 12", "investigation", "2023-11-14 22:13:20.000001 UTC"),
        *(
            TEXTS["question"],
            TEXTS["first"],
            "(S//HARBOR)",
            "[1]",
            "[4]",
            "quote of open",
            "3 to 9",
        ),
        *(
            "IR-2024-017",
            "vector 1, keyword 3",
            TEXTS["dropped"],
            "personal data: an e-mail address",
        ),
        *(
            "policy closed it",
            "cd" * 32,
            "ab" * 32,
            "writer-1.5",
            "0.00000042",
            "openai (residency)",
        ),
        *("a" * 32, "e" * 32, PROOF.root_hash, PROOF.checkpoint, *PROOF.inclusion_path),
        *(
            "copilot ledger verify FOLDER --key KEY --checkpoint FILE",
            "copilot ledger export FOLDER",
        ),
    ):
        assert said in whole, said


@pytest.mark.parametrize(
    "gone", ["act", "question", "contexts", "answer", "dropped", "model", "reason"]
)
def test_what_was_erased_is_said_to_be(gone: str) -> None:
    erased = told(recorded(erased={gone: ("c" * 32,)}))
    whole = Page(page(erased)).text
    assert "Erased. The commitment to it stands in the record below." in whole
    assert f"erased, by the entry {'c' * 32}" in whole
    said = {"question": TEXTS["question"], "answer": TEXTS["first"], "reason": "case 12"}.get(gone)
    assert said is None or said not in whole
    assert "Erased." not in Page(page(told())).text


def test_one_account_gives_one_page() -> None:
    entry = recorded()
    assert page(told(entry)) == page(told(entry))


def test_only_names_of_elements_are_names() -> None:
    for name in ("b onclick=x", "B", "", "a>"):
        with pytest.raises(ValueError, match="no name"):
            element(name)
    assert element("p", Markup("<b>"), "<b>", class_='"') == '<p class="&quot;"><b>&lt;b&gt;</p>'


def _seen(said: str) -> str:
    """How it stands on the page."""
    return "".join(map(_one, said))


def _one(character: str) -> str:
    hidden = unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return f"⟦U+{ord(character):04X}⟧" if hidden and character not in "\n\t" else character
