"""The policy engine of production: an OPA server, which must run the very same bundle."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
from opa_client import AsyncOpaClient

from policy.bundle import Built, Bundle, installed, load_bundle, load_wasm
from policy.decision_log import logged
from policy.errors import Misconfigured, Unavailable
from policy.installation import Installation
from policy.rego_engine import RegoEngine

_ROOTS = ("copilot", "intelgraph")
_REVISION = "copilot/revision"
_PUBLISHING = {"bundle_hash": "being published"}


class OpaServerEngine(RegoEngine):
    """Asks the server at `url` (such as http://127.0.0.1:8181); connects at the first question.

    Each answer names the revision that gave it, and another revision is refused; `check` compares
    the rules themselves. `timeout` (seconds) covers a whole question, a retry included.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 2.0,
        bundle: Bundle | None = None,
        installation: Installation | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._bundle = bundle or load_bundle(installed())
        super().__init__(bundle_hash=self._bundle.hash, installation=installation, clock=clock)
        self._address = _address(url)
        self._timeout = timeout
        self._client: AsyncOpaClient | None = None
        self._built: Built | None = None

    def built(self) -> Built:
        """The server's rules with this release's build of them, which decides the same."""
        if self._built is None:
            self._built = Built(bundle=self._bundle, wasm=load_wasm(installed(), self._bundle))
        return self._built

    async def close(self) -> None:
        """Gives the connections back; idempotent."""
        client, self._client = self._client, None
        if client is not None:
            await client.close_connection()

    async def check(self) -> None:
        """For readiness: Unavailable unless the server has our rules to the byte, and decides."""
        async with self._server() as client:
            served = [await _source(client, module) for module in await _modules(client)]
        if sorted(served) != sorted(source.decode() for source in self._bundle.sources.values()):
            raise Unavailable(
                "policy",
                "the OPA server (OPA_URL) holds other rules under `copilot` or `intelgraph` than this "
                "release; "
                "publish ours with `python -m policy.publish URL`",
            )
        await super().check()

    async def publish(self) -> None:
        """Makes the server run our bundle. Meanwhile its revision is nobody's: no answer counts."""
        async with self._server() as client:
            await client.update_or_create_data(_PUBLISHING, _REVISION)
            for module in await _modules(client):
                await client.delete_policy(quote(module, safe=""))
            for name, source in self._bundle.sources.items():
                await client.update_policy_from_string(source.decode(), f"copilot/{name}", False)
            await client.update_or_create_data({"bundle_hash": self._bundle.hash}, _REVISION)

    async def _evaluate(self, entry: str, question: Mapping[str, Any]) -> object:
        async with self._server() as client:
            answer = await client.query_rule(dict(question), "copilot.decide", entry)
            if "result" not in answer:
                raise Unavailable(
                    "policy",
                    "the OPA server (OPA_URL) does not have this release's policy; "
                    "publish it with `python -m policy.publish URL`",
                )
            logged(answer.get("decision_id"))
            return answer["result"]

    @asynccontextmanager
    async def _server(self) -> AsyncIterator[AsyncOpaClient]:
        try:
            async with asyncio.timeout(self._timeout):
                yield await self._connected()
        except Unavailable:
            raise
        # The client's errors have no common root; whatever it raises, nobody has decided.
        except Exception as error:
            raise Unavailable("policy", f"the OPA server {_failure(error)}; {_REMEDY}") from error

    async def _connected(self) -> AsyncOpaClient:
        if self._client is None:
            # One retry, because a kept-alive connection may have been closed by the other side.
            self._client = AsyncOpaClient(**self._address, timeout=self._timeout, retries=1)
            await self._client.__aenter__()
        return self._client


_REMEDY = "see that OPA runs at OPA_URL and that nothing else answers there, then ask again"


def _failure(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, aiohttp.ClientConnectionError):
        return "cannot be reached"
    return "gave an answer that is none"


def _address(url: str) -> dict[str, Any]:
    try:
        parts = urlsplit(url)
        port = parts.port or 8181
    except ValueError as error:
        raise Misconfigured(_BAD_URL) from error
    extras = (parts.path.strip("/"), parts.query, parts.fragment, parts.username, parts.password)
    if parts.scheme not in ("http", "https") or not parts.hostname or any(extras):
        raise Misconfigured(_BAD_URL)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return {"host": host, "port": port, "ssl": parts.scheme == "https"}


_BAD_URL = "OPA_URL must be a scheme, a host and a port, such as http://127.0.0.1:8181"


async def _modules(client: AsyncOpaClient) -> list[str]:
    """Ids of every module that can define something under one of our roots."""
    ours = tuple(f"{client.root_url}/data/{root}/" for root in _ROOTS)
    modules: dict[str, Any] = await client.get_policies_info()
    return [name for name, module in modules.items() if f"{module['path']}/".startswith(ours)]


async def _source(client: AsyncOpaClient, module: str) -> str:
    # Quoted whole: a module that OPA loaded from a file has that file's path as its id.
    policy = await client.get_policy(quote(module, safe=""))
    return str(policy["result"]["raw"])
