"""Who is asking: a bearer token, or in the demo a chosen principal, becomes the Asker of each act."""

import ipaddress
import time
from collections.abc import Mapping
from dataclasses import dataclass

from copilot.api.limits import Limits, short
from copilot.api.port import Copilot
from copilot.break_glass import DEMO_OPERATOR
from copilot.tokens import Identity, Verifier
from policy.errors import CopilotError, Misconfigured, Unauthenticated
from policy.principal import Asker, Principal


@dataclass(slots=True, kw_only=True)
class Context:
    """What the resolvers of one request, or of one websocket, are given."""

    copilot: Copilot
    limits: Limits
    headers: Mapping[str, str]
    identity: Identity | None = None
    connection_params: Mapping[str, object] | None = None
    """The payload of a websocket's connection_init; strawberry sets it under this name."""
    turned_away: CopilotError | None = None
    """Why the operation was not executed, where it was not: over HTTP it decides the status."""

    @property
    def principal(self) -> Principal:
        """Who asks, as long as the proof holds: a websocket may outlive its token."""
        if self.identity is None:
            raise Unauthenticated("send a bearer token (copilot token --sub NAME)")
        if self.identity.expires_at < time.time():
            raise Unauthenticated("the token has expired; connect again with a new one")
        return self.identity.principal

    def asker(self, purpose: str | None = None, reason: str = "") -> Asker:
        """The principal for this purpose, by default the first of theirs."""
        principal = self.principal
        return Asker(
            principal=principal,
            purpose=short(purpose or next(iter(principal.purposes), ""), "the purpose"),
            reason=short(reason, "the reason", 2000),
            impersonated_by=DEMO_OPERATOR if self._in_demo else None,
        )

    @property
    def _in_demo(self) -> bool:
        return self.identity is not None and self.identity.expires_at == float("inf")


class Authenticator:
    """Turns what a request carries into an identity, or says what is missing."""

    def __init__(self, verifier: Verifier | None, demo: Mapping[str, Principal] | None) -> None:
        if verifier is None and not demo:
            raise Misconfigured(
                "nobody could prove who they are: set COPILOT_JWT_SECRET (openssl rand -hex 32)"
                " or COPILOT_JWKS_URL"
            )
        self._verifier = verifier
        self._demo = demo or {}

    async def identify(self, headers: Mapping[str, str]) -> Identity:
        """The identity of a request with these headers (lower-case names)."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme:
            return await self._verify(scheme, token.strip())
        if self._demo and _is_local(headers.get("host", "")):
            return Identity(
                principal=self._chosen(headers.get("x-copilot-as")), expires_at=float("inf")
            )
        raise Unauthenticated(
            "send the header 'Authorization: Bearer TOKEN'; copilot token --sub NAME makes one"
        )

    async def _verify(self, scheme: str, token: str) -> Identity:
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("the Authorization header must read 'Bearer TOKEN'")
        if self._verifier is None:
            raise Unauthenticated(
                "this demo takes no tokens; choose a principal with the header X-Copilot-As"
            )
        return await self._verifier.verify(token)

    def _chosen(self, name: str | None) -> Principal:
        known = sorted(self._demo)
        if name is not None and name not in self._demo:
            raise Unauthenticated(f"X-Copilot-As must be one of {', '.join(known)}")
        return self._demo[name or next(iter(self._demo))]


def _is_local(host: str) -> bool:
    """Whether the request came by address or to localhost.

    In the demo nothing else stands between a web page and the documents: by DNS rebinding a hostile
    page reaches a local server, yet under the page's own host name.
    """
    name = host.rsplit(":", 1)[0] if host.count(":") == 1 or "]" in host else host
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return name == "localhost"
    return True
