"""Tokens: who signed says who asks, for this server, for a while; nothing else is believed."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from copilot.settings import Settings
from copilot.tokens import Verifier, issue
from policy.errors import Misconfigured, Unauthenticated, Unavailable
from tests.unit.api.fakes import ANN, LEE, SECRET
from tests.unit.api.live import token

pytestmark = pytest.mark.anyio
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def verifier(**changes: Any) -> Verifier:
    given: dict[str, Any] = {
        "secret": SECRET,
        "jwks_url": None,
        "audience": "copilot",
        "issuer": None,
    }
    return Verifier(**given | changes)


async def test_a_principal_comes_back_as_it_was_issued() -> None:
    identity = await verifier().verify(token(ANN))
    back = identity.principal
    assert {**back.to_json(), "auth_time": None} == ANN.to_json()
    assert back.auth_time is not None
    assert abs(back.auth_time - time.time()) < 5
    assert identity.expires_at > time.time()


async def test_what_a_token_does_not_say_about_authentication_is_not_assumed() -> None:
    claims = {**ANN.to_json(), "aud": "copilot", "exp": int(time.time()) + 60}
    del claims["acr"], claims["auth_time"]
    principal = (await verifier().verify(jwt.encode(claims, SECRET))).principal
    assert (principal.acr, principal.auth_time) == ("unstated", 0)
    null = jwt.encode(claims | {"acr": "strong", "auth_time": None}, SECRET)
    assert (await verifier().verify(null)).principal.auth_time == 0


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (token(ANN, ttl_s=-3600), "has expired"),
        (token(ANN, audience="another"), "another audience"),
        (token(ANN, secret="another secret of thirty-two bytes"), "not signed by a key"),
        (token(ANN, claims={"nbf": int(time.time()) + 3600}), "not valid yet"),
        (token(ANN, claims={"clearance": "COSMIC"}), "clearance"),
        (token(ANN, claims={"roles": ["owner"]}), "unknown role"),
        (token(ANN, claims={"tenant": None}), "tenant"),
        (token(ANN, claims={"compartments": "HARBOR"}), "must be a list"),
        (token(ANN, claims={"exp": "tomorrow"}), "not signed by a key"),
        (jwt.encode({**ANN.to_json(), "aud": "copilot"}, SECRET), "lacks the claim 'exp'"),
        (jwt.encode({"aud": "copilot", "exp": 1 << 40}, SECRET), "lacks the claim 'sub'"),
        (
            jwt.encode({**ANN.to_json(), "aud": "copilot", "exp": 1 << 40}, "", "none"),
            "not signed",
        ),
        (
            jwt.encode({**ANN.to_json(), "aud": "copilot", "exp": 1 << 40}, SECRET * 2, "HS512"),
            "not",
        ),
        (f"{token(ANN)[:-4]}AAAA", "malformed or not signed"),
        ("no token at all", "malformed"),
        ("", "malformed"),
    ],
)
async def test_a_bad_token_is_refused_with_what_is_wrong(given: str, says: str) -> None:
    with pytest.raises(Unauthenticated, match=says) as caught:
        await verifier().verify(given)
    assert SECRET not in str(caught.value)


async def test_another_issuer_is_refused() -> None:
    with pytest.raises(Unauthenticated, match="issuer"):
        await verifier(issuer="https://idp").verify(token(ANN, issuer="https://other"))
    await verifier(issuer="https://idp").verify(token(ANN, issuer="https://idp"))


async def test_without_a_secret_no_token_is_issued() -> None:
    with pytest.raises(Misconfigured, match="COPILOT_JWT_SECRET"):
        issue(ANN, None, audience="copilot")
    assert Verifier.from_settings(Settings()) is None


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (EC, "ES256"), (ED, "EdDSA")])
async def test_keys_of_an_identity_provider_are_taken(
    key: Any, algorithm: str, key_server: "KeyServer"
) -> None:
    believed = verifier(secret=None, jwks_url=key_server.url)
    identities = [await believed.verify(signed(key, algorithm)) for _ in range(3)]
    assert [identity.principal.sub for identity in identities] == ["ann"] * 3
    assert key_server.fetched == 1


async def test_a_public_key_is_never_taken_for_a_shared_secret(key_server: "KeyServer") -> None:
    forged = jwt.encode(claims(), "x" * 32, "HS256", headers={"kid": "RS256"})
    with pytest.raises(Unauthenticated):
        await verifier(secret=None, jwks_url=key_server.url).verify(forged)
    with pytest.raises(Unauthenticated):
        await verifier().verify(signed(RSA, "RS256"))


async def test_a_key_of_the_wrong_kind_or_name_is_refused(key_server: "KeyServer") -> None:
    believed = verifier(secret=None, jwks_url=key_server.url)
    for given in (
        signed(RSA, "RS256", kid="ES256"),
        signed(RSA, "RS256", kid="unknown"),
        jwt.encode(claims(), RSA, "RS256"),
    ):
        with pytest.raises(Unauthenticated):
            await believed.verify(given)


async def test_a_key_server_that_is_down_fails_closed_and_is_left_alone() -> None:
    believed = verifier(secret=None, jwks_url="http://127.0.0.1:9/jwks")
    with pytest.raises(Unavailable, match="does not answer"):
        await believed.verify(signed(RSA, "RS256"))
    with pytest.raises(Unavailable, match="does not answer") as caught:
        await believed.verify(signed(RSA, "RS256"))
    assert caught.value.__cause__ is None  # the second time nothing was tried


@pytest.mark.parametrize("body", [b"no json", b"[]", b"{}", b'{"keys": []}'])
async def test_a_key_server_that_talks_nonsense_fails_closed(
    body: bytes, key_server: "KeyServer"
) -> None:
    key_server.body = body
    with pytest.raises(Unavailable):
        await verifier(secret=None, jwks_url=key_server.url).verify(signed(RSA, "RS256"))


def claims() -> dict[str, Any]:
    return {**ANN.to_json(), "aud": "copilot", "exp": int(time.time()) + 60}


def signed(key: Any, algorithm: str, kid: str | None = None) -> str:
    return jwt.encode(claims(), key, algorithm, headers={"kid": kid or algorithm})


class KeyServer:
    """Serves the public keys, counts how often."""

    def __init__(self) -> None:
        keys = [
            {**jwt.get_algorithm_by_name(name).to_jwk(key.public_key(), as_dict=True), "kid": name}
            for key, name in ((RSA, "RS256"), (EC, "ES256"), (ED, "EdDSA"))
        ]
        self.body = json.dumps({"keys": keys}).encode()
        self.fetched = 0
        self.url = ""


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    held = KeyServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            held.fetched += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(held.body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    held.url = f"http://127.0.0.1:{server.server_port}/jwks"
    yield held
    server.shutdown()
    thread.join()
    server.server_close()


async def test_principals_keep_their_own_attributes() -> None:
    """Two tokens of one secret are two people."""
    ann, lee = [(await verifier().verify(token(one))).principal for one in (ANN, LEE)]
    assert (ann.sub, lee.sub) == ("ann", "lee")
    assert ann.clearance != lee.clearance
