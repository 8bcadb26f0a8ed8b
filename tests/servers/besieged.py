"""The program over HTTP with the case file, and a proxy that can fail before each of its dependencies."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import jwt
import psycopg
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg.conninfo import conninfo_to_dict

from copilot import tokens
from copilot.settings import Settings
from policy.opa_server import OpaServerEngine
from retrieval.sentences import split
from tests.servers.anthropic import AnthropicServer
from tests.servers.chaos import Connect, Http, Postgres, Proxy, tcp, unix
from tests.servers.product import people, serve

DATABASE_S, POLICY_S, MODEL_S = 1.0, 1.0, 1.5
"""The timeouts of these tests; they hold for any, and the short ones are soon over."""
_KEY = ec.generate_private_key(ec.SECP256R1())
_SHORTEST = 30
"""Characters of a sentence that nobody writes by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Besieged:
    """The running program; `proxies` by dependency: postgres, policy, model, identity."""

    base_url: str
    proxies: dict[str, Proxy]
    tokens: dict[str, str]
    """By the secret; for `identity` by the key server's key."""
    database_url: str
    """The way past the proxy."""
    corpus: frozenset[str]
    """The sentences of the case file that are long enough to be told apart."""

    def recorded(self, ledger_id: str) -> bool:
        """Whether the entry is in the ledger, with what was said."""
        with psycopg.connect(self.database_url) as connection:
            query = "SELECT count(*) FROM ledger_entries JOIN ledger_acts USING (ledger_id) WHERE ledger_id = %s"
            row = connection.execute(query, [ledger_id]).fetchone()
        return row == (1,)

    def heal(self) -> None:
        """Every dependency is back."""
        for proxy in self.proxies.values():
            proxy.heal()
        time.sleep(tokens.JWKS_PAUSE_S)


@contextmanager
def besieged(
    database_url: str, opa_url: str, models_dir: Path, data_dir: Path
) -> Iterator[Besieged]:
    """The program over a database that holds the case file and an OPA server, which gets our policy."""
    asyncio.run(_publish(opa_url))
    with ExitStack() as stack:
        enter = stack.enter_context
        # No key is kept, so that each request needs the key server.
        enter(patch.multiple(tokens, JWKS_LIFESPAN_S=-1, JWKS_PAUSE_S=0.2))
        model = enter(AnthropicServer())
        ways: dict[str, tuple[Any, Connect]] = {
            "postgres": (Postgres, unix(str(conninfo_to_dict(database_url)["host"]))),
            "policy": (Http, _to(opa_url)),
            "model": (Http, _to(model.url)),
            "identity": (Http, _to(enter(_key_server()))),
        }
        proxies = {name: enter(Proxy(wire, way)) for name, (wire, way) in ways.items()}
        live = enter(serve(_settings(proxies, database_url, models_dir, data_dir)))
        yield Besieged(
            base_url=live.base_url,
            proxies=proxies,
            tokens={**live.tokens, "identity": _token()},
            database_url=database_url,
            corpus=_corpus(database_url),
        )


def through(proxy: Proxy, database_url: str) -> str:
    """The database's URL by way of the proxy, over TCP."""
    given = conninfo_to_dict(database_url)

    query = "sslmode=disable&gssencmode=disable"
    return f"postgresql://{given['user']}@{proxy.host}:{proxy.port}/{given['dbname']}?{query}"


def _settings(
    proxies: dict[str, Proxy], database_url: str, models_dir: Path, data_dir: Path
) -> Settings:
    url = {name: f"http://{proxy.host}:{proxy.port}" for name, proxy in proxies.items()}
    return Settings(
        data_dir=data_dir,
        models_dir=models_dir,
        database_url=through(proxies["postgres"], database_url),
        database_timeout_s=DATABASE_S,
        opa_url=url["policy"],
        policy_timeout_s=POLICY_S,
        anthropic_api_key="a key of nobody",
        anthropic_base_url=url["model"],
        model_timeout_s=MODEL_S,
        jwks_url=f"{url['identity']}/jwks",
    )


async def _publish(opa_url: str) -> None:
    engine = OpaServerEngine(opa_url, timeout=10)
    try:
        await engine.publish()
    finally:
        await engine.close()


def _to(url: str) -> Connect:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return tcp(parts.hostname, parts.port)


def _corpus(database_url: str) -> frozenset[str]:
    with psycopg.connect(database_url) as connection:
        texts = [text for (text,) in connection.execute("SELECT text FROM chunks").fetchall()]
    sentences = (span.of(text).strip() for text in texts for span in split(text))
    return frozenset(sentence for sentence in sentences if len(sentence) >= _SHORTEST)


def _token() -> str:
    lead, now = people()["lead"], int(time.time())
    payload = lead.to_json() | {"aud": "copilot", "iat": now, "exp": now + 3600}
    if lead.auth_time is None:
        payload["auth_time"] = now
    return jwt.encode(payload, _KEY, algorithm="ES256", headers={"kid": "ours"})


@contextmanager
def _key_server() -> Iterator[str]:
    key = jwt.get_algorithm_by_name("ES256").to_jwk(_KEY.public_key(), as_dict=True)
    body = json.dumps({"keys": [{**key, "kid": "ours"}]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
