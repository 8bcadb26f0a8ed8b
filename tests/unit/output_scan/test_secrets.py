"""No credential leaves, in a sentence or in a quote."""

import random

import pytest

from copilot.output_scan import Clean, Kind, Withheld
from eval.synthetic import SECRETS
from tests.unit.output_scan.claims import TOKEN, context, kinds, scan


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAIOSFODNN7EXAMPLE",
        f"ghp_{TOKEN}{TOKEN}",
        f"github_pat_{TOKEN}{TOKEN}",
        f"sk-ant-api03-{TOKEN}",
        f"sk-proj-{TOKEN}",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{TOKEN}",
        f"Authorization: Bearer {TOKEN}",
        f"aws_secret_access_key = {TOKEN}{TOKEN}",
    ],
)
def test_a_credential_does_not_leave_in_text_or_quote_nor_disguised(secret: str) -> None:
    said = f"The password file has {secret} in it."
    assert isinstance(scan(said), Withheld)
    assert kinds(scan(said)) == {Kind.CREDENTIAL}
    hidden = f"{secret[:6]}\u200b{secret[6:]}"
    assert Kind.CREDENTIAL in kinds(scan(f"It is {hidden} there."))
    assert kinds(scan("The file has a password in it.", context(said))) == {Kind.CREDENTIAL}


@pytest.mark.parametrize("issuer", sorted(SECRETS))
def test_what_any_issuer_gives_out_does_not_leave(issuer: str) -> None:
    rng = random.Random(issuer)
    for _ in range(30):
        said = f"In the file stood {SECRETS[issuer](rng)} and a date."
        assert kinds(scan(said)) >= {Kind.CREDENTIAL}, said
        assert isinstance(scan(said), Withheld)


@pytest.mark.parametrize(
    "text",
    [
        "password: correct horse battery staple",
        "The password is swordfish.",
        "api_key = YOUR_API_KEY",
        "token: see annex",
        "secret: aaaaaaaaaaaa1",
        "https://a.example:8080/x",
    ],
)
def test_a_password_is_what_looks_drawn_and_not_written(text: str) -> None:
    assert Kind.CREDENTIAL not in kinds(scan(text))


def test_the_login_in_an_address_does_not_leave() -> None:
    assert kinds(scan("See ftp://anna:s3cret@files.example/x now.")) >= {Kind.CREDENTIAL}
    assert scan("The clean text.") == Clean()
