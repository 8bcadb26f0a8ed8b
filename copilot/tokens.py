"""Bearer tokens: how a principal is written into a JWT, and how one is read back and trusted."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import jwt

from copilot.settings import Settings
from policy.errors import BadInput, Misconfigured, Unauthenticated, Unavailable
from policy.principal import Principal

ASYMMETRIC = frozenset(["RS256", "ES256", "EdDSA"])
LEEWAY_S = 30
JWKS_TIMEOUT_S = 3
JWKS_LIFESPAN_S = 300
JWKS_PAUSE_S = 5
"""How long a key server that failed is left alone: a flood of requests must not wait in line."""
JWKS_UNKNOWN_S = 30
"""How old the keys must be to be fetched for the sake of a key that is not among them."""
JWKS_BYTES = 1_000_000

_BROKEN = (jwt.PyJWTError, ValueError, TypeError, RecursionError)
"""What reading a hostile token may raise."""

_UNTRUSTED = (
    "the token is malformed or not signed by a key that this server trusts; get a new one"
    " (copilot token --sub NAME)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a token says is asking, and until when it may be believed."""

    principal: Principal
    expires_at: float
    token: str | None = field(default=None, repr=False)
    """What proves it; None in the demo, where nobody signs in."""


def issue(
    principal: Principal,
    secret: str | None,
    *,
    audience: str,
    issuer: str | None = None,
    ttl_s: int = 3600,
    claims: Mapping[str, Any] | None = None,
) -> str:
    """A token for the principal, signed with the shared secret; `claims` go over its attributes."""
    if secret is None:
        raise Misconfigured("tokens need COPILOT_JWT_SECRET; make one with: openssl rand -hex 32")
    now = int(time.time())
    payload: dict[str, Any] = {"iat": now, "exp": now + ttl_s, "aud": audience}
    if issuer is not None:
        payload["iss"] = issuer
    payload |= principal.to_json()
    if principal.auth_time is None:
        payload["auth_time"] = now
    return jwt.encode(payload | dict(claims or {}), secret, algorithm="HS256")


class Verifier:
    """Decides whether to believe a token: signature, algorithm, times, audience, issuer, claims."""

    def __init__(
        self, *, secret: str | None, jwks_url: str | None, audience: str, issuer: str | None
    ) -> None:
        self._secret = secret
        self._keys = _KeyServer(jwks_url) if jwks_url else None
        self._audience = audience
        self._issuer = issuer

    @classmethod
    def from_settings(cls, settings: Settings) -> "Verifier | None":
        """None where neither a secret nor a key server is configured."""
        if settings.jwt_secret is None and settings.jwks_url is None:
            return None
        return cls(
            secret=settings.jwt_secret,
            jwks_url=settings.jwks_url,
            audience=settings.jwt_audience,
            issuer=settings.jwt_issuer,
        )

    async def verify(self, token: str) -> Identity:
        """The identity that the token proves; Unauthenticated says what is wrong with it."""
        algorithm, key = await self._key(token)
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_S,
                options={"require": ["exp", "aud", "sub"]},
            )
        except _BROKEN as error:
            raise Unauthenticated(_complaint(error)) from error
        expires_at = float(claims["exp"]) + LEEWAY_S
        return Identity(principal=_principal(claims), expires_at=expires_at, token=token)

    async def _key(self, token: str) -> tuple[str, Any]:
        """The algorithm belongs to the key, never to the token: a public key is no HMAC secret."""
        try:
            header = jwt.get_unverified_header(token)
        except _BROKEN as error:
            raise Unauthenticated(_UNTRUSTED) from error
        algorithm = header.get("alg")
        if algorithm == "HS256" and self._secret is not None:
            return algorithm, self._secret
        if algorithm in ASYMMETRIC and self._keys is not None:
            return algorithm, await self._keys.key(header.get("kid"))
        raise Unauthenticated(_UNTRUSTED)


class _KeyServer:
    """The identity provider's public keys, fetched with a time limit and kept for a while."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = anyio.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._failed = float("-inf")

    async def key(self, kid: object) -> jwt.PyJWK:
        if not isinstance(kid, str):
            raise Unauthenticated(_UNTRUSTED)
        if self._wanting(kid):
            async with self._lock:
                if self._wanting(kid):  # whoever held the lock before may have fetched it
                    await self._refresh()
        if kid not in self._keys:
            raise Unauthenticated(_UNTRUSTED)
        return self._keys[kid]

    def _wanting(self, kid: str) -> bool:
        most = JWKS_LIFESPAN_S if kid in self._keys else JWKS_UNKNOWN_S
        return time.monotonic() - self._fetched > most

    async def _refresh(self) -> None:
        if time.monotonic() - self._failed < JWKS_PAUSE_S:
            raise self._unreachable()
        try:
            self._keys = _signing_keys(await _document(self._url))
        except Exception as error:  # whatever it answered, these are no keys
            self._failed = time.monotonic()
            raise self._unreachable() from error
        self._fetched = time.monotonic()

    @staticmethod
    def _unreachable() -> Unavailable:
        return Unavailable(
            "identity", "the server that holds the keys of tokens does not answer; try again soon"
        )


async def _document(url: str) -> Any:
    """What lies there; the time limit holds for the whole of it, however slowly it comes."""
    import aiohttp  # a tenth of a second, which a server with a secret of its own need not wait for

    limit = aiohttp.ClientTimeout(total=JWKS_TIMEOUT_S)
    async with (
        aiohttp.ClientSession(timeout=limit, raise_for_status=True) as session,
        session.get(url, allow_redirects=False) as response,
    ):
        content = b""
        async for piece in response.content.iter_chunked(65536):
            content += piece
            if len(content) > JWKS_BYTES:
                raise ValueError(f"a key set of more than {JWKS_BYTES} bytes")
        return json.loads(content)


def _signing_keys(document: Any) -> dict[str, jwt.PyJWK]:
    keys = {
        key.key_id: key
        for key in jwt.PyJWKSet.from_dict(document).keys
        if key.key_id and key.public_key_use in ("sig", None)
    }
    if not keys:
        raise ValueError("a key set without a named signing key")
    return keys


def _principal(claims: Mapping[str, Any]) -> Principal:
    """What a token does not say about the strength and time of authentication is not assumed."""
    try:
        # Null would be "just now", which only the operator's own file may say.
        stated = {name: value for name, value in claims.items() if value is not None}
        return Principal.from_json(
            claims["sub"],
            {"acr": "unstated", "auth_time": 0} | stated,
            where="the token's claims",
        )
    except BadInput as error:
        raise Unauthenticated(error.message) from error


def _complaint(error: Exception) -> str:
    match error:
        case jwt.ExpiredSignatureError():
            return "the token has expired; get a new one (copilot token --sub NAME)"
        case jwt.ImmatureSignatureError():
            return "the token is not valid yet; compare the clocks of issuer and server"
        case jwt.InvalidAudienceError():
            return "the token is meant for another audience; ask its issuer for one for this server"
        case jwt.InvalidIssuerError():
            return "the token comes from an issuer that this server does not trust"
        case jwt.MissingRequiredClaimError():
            return f"the token lacks the claim {error.claim!r}; get a new one"
        case _:
            return _UNTRUSTED
