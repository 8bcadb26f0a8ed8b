"""Migrations: in order, once, and never over a history that somebody edited."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import psycopg
import pytest

from copilot.migrate import migrate, migrations
from policy.errors import Misconfigured, Unavailable
from tests.servers import postgres as postgres_server

pytestmark = pytest.mark.anyio


@pytest.fixture
def empty(postgres: str) -> Iterator[str]:
    """The URI of a database with nothing in it."""
    uri = postgres_server.clone(postgres, "/template0")
    yield uri
    postgres_server.drop(postgres, uri)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for number in (2, 10, 1):
        body = "CREATE TABLE steps (n int);" if number == 1 else ""
        file = tmp_path / f"{number:04d}_step.sql"
        file.write_text(f"{body} INSERT INTO steps VALUES ({number});")
    return tmp_path


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


async def test_they_apply_in_the_order_of_their_numbers(empty: str, files: Path) -> None:
    assert await migrate(empty, files) == ["0001_step", "0002_step", "0010_step"]
    assert rows(empty, "SELECT n FROM steps") == [(1,), (2,), (10,)]


async def test_a_second_run_applies_nothing(empty: str) -> None:
    assert await migrate(empty) == [one.name for one in migrations()]
    assert await migrate(empty) == []


async def test_only_what_is_new_is_applied(empty: str, files: Path) -> None:
    await migrate(empty, files)
    (files / "0011_step.sql").write_text("INSERT INTO steps VALUES (11);")
    assert await migrate(empty, files) == ["0011_step"]
    assert rows(empty, "SELECT n FROM steps") == [(1,), (2,), (10,), (11,)]


async def test_an_edited_history_is_refused(empty: str, files: Path) -> None:
    await migrate(empty, files)
    (files / "0002_step.sql").write_text("INSERT INTO steps VALUES (3);")
    (files / "0012_step.sql").write_text("INSERT INTO steps VALUES (12);")
    with pytest.raises(Misconfigured, match=r"0002_step was changed .*restore the file"):
        await migrate(empty, files)
    assert rows(empty, "SELECT max(n) FROM steps") == [(10,)]


async def test_a_newer_history_is_refused(empty: str, files: Path) -> None:
    await migrate(empty, files)
    (files / "0010_step.sql").unlink()
    with pytest.raises(Misconfigured, match="0010_step, which this version does not know"):
        await migrate(empty, files)


async def test_two_at_once_do_not_collide(empty: str) -> None:
    applied: list[list[str]] = []

    async def one() -> None:
        applied.append(await migrate(empty))

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(one)
    assert sorted(applied) == [[], [], [one.name for one in migrations()]]


async def test_one_that_fails_leaves_nothing_of_itself(empty: str, files: Path) -> None:
    (files / "0002_step.sql").write_text("INSERT INTO steps VALUES (2); SELECT 1/0;")
    with pytest.raises(Misconfigured, match="0002_step"):
        await migrate(empty, files)
    assert rows(empty, "SELECT n FROM steps") == [(1,)]
    assert rows(empty, "SELECT name FROM migrations") == [("0001_step",)]


@pytest.mark.timed
async def test_a_dead_server_is_unavailable() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    begun = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        await migrate(f"postgresql://nobody:secret@127.0.0.1:{port}/none")
    assert caught.value.dependency == "postgres"
    assert "secret" not in caught.value.message
    assert time.monotonic() - begun < 7


async def test_a_lock_that_somebody_holds_is_a_clear_error(empty: str) -> None:
    with psycopg.connect(empty, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(7210000)")
        with pytest.raises(Unavailable, match="migrat"):
            await migrate(empty)
