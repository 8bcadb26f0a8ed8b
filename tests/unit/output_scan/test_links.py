"""Links, images and markup stay readable and lead nowhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.output_scan import Clean, Kind, Redacted, Withheld, redaction
from copilot.support import Supported, support
from tests.unit.output_scan.claims import kinds, scan


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("See https://a.example/x?q=1 now.", "See hxxps://a[.]example/x?q=1 now."),
        ("![pic](https://a.example/p.png) Reiss", "pic (hxxps://a[.]example/p.png) Reiss"),
        ("Read [this](//a.example/x).", "Read this (//a[.]example/x)."),
        ("At www.a.example it stands.", "At www[.]a.example it stands."),
        ("Run javascript:alert(1) here.", "Run javascript[:]alert(1) here."),
        ("Got <img src=x> there.", "Got ‹img src=x> there."),
        ("An image data:image/png;base64,AAAA was sent.", "An image [data removed] was sent."),
        ("HT\u200bTPS://A.example", "hxxps://A[.]example"),
        ("See //a.example/x there.", "See //a[.]example/x there."),
        ("On \\\\a.example\\share it lies.", "On \\\\a[.]example\\share it lies."),
        ("Go to a.example/x?q=secret soon.", "Go to a[.]example/x?q=secret soon."),
        ("Go to 10.1.2.3:8080/x soon.", "Go to 10[.]1[.]2[.]3:8080/x soon."),
        ("https:a.example is one too.", "hxxps:a[.]example is one too."),
        ("By ssh://a.example it goes.", "By ssh[:]//a[.]example it goes."),
        ("Write mailto:x@a.example now.", "Write mailto[:]x@a.example now."),
        ("![pic][1]\n[1]: https://a.example/p.png", "![pic][1]\n1 (hxxps://a[.]example/p.png)"),
        ("[1]: <//a.example/p.png>", "1 (//a[.]example/p.png)"),
        ("[x](<https://a.example/p>)", "x (hxxps://a[.]example/p)"),
        ("href=a.example stands there.", "href[=]a.example stands there."),
        ("background: url(//a.example/p)", "background: url[(]//a[.]example/p)"),
        ("<b onmouseover=alert(1)>", "‹b onmouseover[=]alert(1)>"),
        ("<svg/onload=alert(1)>", "‹svg/onload[=]alert(1)>"),
        ("<!-- a --> and <?xml?>", "‹!-- a --> and ‹?xml?>"),
        ("java\tscript:alert(1)", "javascript[:]alert(1)"),
        ("data:text/html;base64,AAAA", "[data removed]"),
        ("Two: http://a.example http://b.example", "Two: hxxp://a[.]example hxxp://b[.]example"),
        ("[https://a.example](https://b.example)", "hxxps://a[.]example (hxxps://b[.]example)"),
        ("&#104;ttps://a.example/x is encoded.", "&#104;ttps[:]//a[.]example/x is encoded."),
        ("&lt;img src=x&gt;", "[link removed]img src=x&gt;"),
    ],
)
def test_links_stay_readable_and_lead_nowhere(text: str, shown: str) -> None:
    outcome = scan(text)
    assert isinstance(outcome, Redacted)
    assert outcome.text == shown
    assert kinds(outcome) == {Kind.LINK}
    assert scan(shown) == Clean()


def test_a_defanged_link_is_still_supported_by_its_source() -> None:
    source = "The site https://a.example/x belongs to Reiss."
    outcome = scan(source)
    assert isinstance(outcome, Redacted)
    assert isinstance(support(source, outcome.text), Supported)


_PIECES = [
    "[", "]", "(", ")", "![", "](", "]:", "<", ">", "<a ", "https://", "http:", "//", "\\\\", "a.example", "/x",
    "?q=1", "www.", "data:a,", "javascript:", "href=", "onload=", "url(", " ", "\n", "&#104;", "%68",
    "x", ".", "mailto:", "ssh://", "10.1.2.3:80/", "\u200b",
]  # fmt: skip


@given(st.lists(st.sampled_from(_PIECES), max_size=12).map("".join))
def test_what_was_made_inert_is_inert(text: str) -> None:
    outcome = scan(text)
    if isinstance(outcome, Redacted):
        assert scan(outcome.text) == Clean()


def test_links_in_links_without_an_end_are_withheld() -> None:
    assert isinstance(
        scan("[" * 8 + "https://a.example" + "](//b.example)" * 8), Redacted | Withheld
    )


def test_what_cannot_be_made_inert_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_PASSES", 0)
    assert isinstance(scan("See https://a.example now."), Withheld)
