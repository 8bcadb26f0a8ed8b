"""`copilot migrate`, `schema`, `token`, `doctor`: for the operator."""

import asyncio
import json
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
from psycopg.rows import dict_row

from copilot.api.schema import sdl
from copilot.app import database_url
from copilot.commands.asker import principal
from copilot.commands.opened import opened
from copilot.migrate import migrate as migrate_database
from copilot.readiness import OK, serves
from copilot.reembedding.job import Reembedding
from copilot.settings import Settings
from copilot.tokens import issue
from policy.errors import BadInput, CopilotError, Misconfigured, Unavailable
from policy.principal import Principal
from retrieval.stores.postgres.connections import Connection
from retrieval.stores.postgres.database import parameters

_DOCTORS_PATIENCE_S = 5


async def migrate(settings: Settings, _: Namespace) -> int:
    """Brings the database to this version."""
    applied = await migrate_database(database_url(settings))
    if settings.neo4j_url:
        from copilot.projection.opened import migrated

        applied += [f"neo4j {name}" for name in await migrated(settings)]
    print("\n".join(f"applied {name}" for name in applied) or "nothing to apply")
    return 0


async def schema(_settings: Settings, _: Namespace) -> int:
    """Prints the SDL."""
    print(sdl(), end="")
    return 0


async def token(settings: Settings, options: Namespace) -> int:
    """Prints a bearer token for a principal, signed with COPILOT_JWT_SECRET."""
    who = _with_claims(principal(settings, options.sub), options.claims)
    print(
        issue(who, settings.jwt_secret, audience=settings.jwt_audience, issuer=settings.jwt_issuer)
    )
    return 0


def _with_claims(who: Principal, text: str | None) -> Principal:
    if text is None:
        return who
    try:
        claims = json.loads(text)
    except ValueError as error:
        raise BadInput(f"--claims is not JSON: {error}") from error
    if not isinstance(claims, dict):
        raise BadInput("--claims must be a JSON object of the principal's attributes")
    return Principal.from_json(who.sub, who.to_json() | claims, where="--claims")


async def doctor(settings: Settings, _: Namespace) -> int:
    """Says of each part whether it works; exit code 1 where one does not."""
    checks: dict[str, Callable[[Settings], Awaitable[str]]] = {
        "settings": _settings_check,
        "postgres": _postgres_check,
        "product": _product_check,
        "vectors": _vectors_check,
    }
    if settings.neo4j_url:
        checks["neo4j"] = _neo4j_check
    failed = 0
    for name, check in checks.items():
        try:
            print(f"{name}: ok, {await check(settings)}")
        except CopilotError as error:
            failed = 1
            print(f"{name}: {error.message}", file=sys.stderr)
        except Exception as error:  # noqa: BLE001  what is broken in a way of its own is told of, too
            failed = 1
            told = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            print(f"{name}: broken ({told})", file=sys.stderr)
    return failed


async def _settings_check(settings: Settings) -> str:
    model = "anthropic" if settings.anthropic_api_key else "the offline generator"
    return f"data in {settings.data_dir.resolve()}, answers by {model} (not tried)"


async def _postgres_check(settings: Settings) -> str:
    async with _connected(settings) as connection:
        row = await (await connection.execute("SHOW server_version")).fetchone()
    return f"version {row['server_version']}" if row else "connected"


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[Connection]:
    url = database_url(settings)
    parameters(url)
    try:
        async with (
            asyncio.timeout(_DOCTORS_PATIENCE_S),
            await Connection.connect(url, row_factory=dict_row) as connection,
        ):
            yield connection
    except TimeoutError as error:
        raise Unavailable("postgres", f"no answer within {_DOCTORS_PATIENCE_S} s") from error
    except psycopg.OperationalError as error:
        raise Misconfigured(f"cannot connect: {str(error).splitlines()[0]}") from error


async def _neo4j_check(settings: Settings) -> str:
    from copilot.projection.opened import projector

    async with projector(settings, database_url(settings)) as one:
        backlog = await one.reached()
    told = [backlog.state]
    if backlog.changes:
        told.append(f"{backlog.changes} changes behind for {backlog.seconds:.1f} s")
    if backlog.records:
        told.append(f"{backlog.records} records behind for {backlog.records_seconds:.1f} s")
    if not (backlog.changes or backlog.records):
        told.append("nothing waits")
    if backlog.set_aside:
        told.append(f"{backlog.set_aside} parts set aside: see `copilot graph verify`")
    return ", ".join(told)


async def _vectors_check(settings: Settings) -> str:
    async with _connected(settings) as connection:  # without the lock: a job may be at work
        state = await Reembedding(connection, lambda _: None).state()
    if state.wanted is None:
        return f"of {state.stored or 'no model yet'}"
    return (
        f"of {state.stored or 'no model yet'}; a change to {state.wanted} is at work or was broken off: "
        "`copilot reembed` goes on with it, with --abandon it ends"
    )


async def _product_check(settings: Settings) -> str:
    async with opened(settings) as copilot:
        state = await copilot.ready()
    told = [f"{name}: {text}" for name, text in state.items() if text != OK]
    if not serves(state):
        raise Misconfigured("; ".join(told))
    return ", ".join([*(name for name in state if state[name] == OK), *told])
