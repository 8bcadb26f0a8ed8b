"""Requests to a store are signed as AWS has published it, and whatever is changed of one has another signature."""

from datetime import UTC, datetime

import pytest

from copilot.ledger.s3 import Credentials

AT = datetime(2013, 5, 24, tzinfo=UTC)
PUBLISHED = Credentials(
    access_key="AKIAIOSFODNN7EXAMPLE",
    secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    region="us-east-1",
)
HOST = "https://examplebucket.s3.amazonaws.com"


def signature(headers: dict[str, str]) -> str:
    return headers["authorization"].rpartition("Signature=")[2]


def test_the_examples_of_the_documentation_come_out() -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html"""
    given = PUBLISHED.headers("GET", f"{HOST}/test.txt", more={"Range": "bytes=0-9"}, at=AT)
    assert given["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )
    more = {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"}
    given = PUBLISHED.headers(
        "PUT", f"{HOST}/test%24file.text", b"Welcome to Amazon S3.", more=more, at=AT
    )
    assert signature(given) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"


@pytest.mark.parametrize(
    "other",
    [
        ("GET", f"{HOST}/log/checkpoint", b"one"),
        ("PUT", f"{HOST}/log/checkpoint2", b"one"),
        ("PUT", "https://other.s3.amazonaws.com/log/checkpoint", b"one"),
        ("PUT", f"{HOST}/log/checkpoint", b"two"),
    ],
)
def test_nothing_of_a_request_can_be_exchanged(other: tuple[str, str, bytes]) -> None:
    one = PUBLISHED.headers("PUT", f"{HOST}/log/checkpoint", b"one", at=AT)
    assert signature(one) != signature(PUBLISHED.headers(*other, at=AT))


def test_the_secret_is_shown_by_nothing() -> None:
    assert PUBLISHED.secret_key not in repr(PUBLISHED)
    given = PUBLISHED.headers("PUT", f"{HOST}/x", b"one")
    assert PUBLISHED.secret_key not in str(given)
