"""Migrations go forward only: each once, in order, and never over a history that was changed."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from copilot.migrate import Migration, check, migrate, migrations
from policy.errors import Misconfigured, Unavailable
from retrieval.terms import SCHEME

pytestmark = pytest.mark.anyio

URL = "postgresql://ann:secret@db/copilot"


@dataclass
class Cursor:
    rows: Sequence[tuple[Any, ...]] = ()

    async def fetchall(self) -> Sequence[tuple[Any, ...]]:
        return self.rows

    async def fetchone(self) -> tuple[Any, ...] | None:
        return self.rows[0] if self.rows else None


@dataclass
class Database:
    """A connection that keeps a history; what fails within a transaction leaves nothing."""

    history: dict[str, str] = field(default_factory=dict)
    exists: bool = True
    scheme: int = SCHEME
    executed: list[str] = field(default_factory=list)
    failures: Mapping[str, psycopg.Error] = field(default_factory=dict)

    async def __aenter__(self) -> "Database":
        return self

    async def __aexit__(self, *error: object) -> None:
        pass

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        before = dict(self.history)
        try:
            yield
        except psycopg.Error:
            self.history = before
            raise

    async def execute(self, query: str, values: Sequence[str] = ()) -> Cursor:
        self.executed.append(query)
        for part, error in self.failures.items():
            if part in query:
                raise error
        if query.startswith("INSERT INTO migrations"):
            name, sha256 = values
            self.history[name] = sha256
        if "to_regclass" in query:
            return Cursor([(self.exists,)])
        if "keyword_index" in query:
            return Cursor([(self.scheme,)])
        return Cursor(list(self.history.items()))

    def position(self, part: str) -> int:
        return next(i for i, query in enumerate(self.executed) if part in query)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    database = Database()

    async def connect(*values: object, **options: object) -> Database:
        return database

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", connect)
    return database


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name in ("0002_more", "0010_last", "0001_first"):
        (tmp_path / f"{name}.sql").write_text(f"CREATE TABLE t{name}()")
    (tmp_path / "README.md").write_text("not a migration")
    return tmp_path


def test_files_come_in_the_order_of_their_numbers(files: Path) -> None:
    assert [one.name for one in migrations(files)] == ["0001_first", "0002_more", "0010_last"]


def test_the_installation_has_migrations_with_numbers_of_one_width() -> None:
    numbers = [one.name.partition("_")[0] for one in migrations()]
    assert numbers
    assert len(set(numbers)) == len(numbers)
    assert all(number.isdigit() for number in numbers)
    assert len(set(map(len, numbers))) == 1


def test_a_checksum_tells_any_change() -> None:
    one, other = Migration(name="a", sql="SELECT 1"), Migration(name="a", sql="SELECT 1 ")
    assert one.sha256 != other.sha256


async def test_an_empty_database_gets_all_of_them_in_order(database: Database, files: Path) -> None:
    assert await migrate(URL, files) == ["0001_first", "0002_more", "0010_last"]
    assert database.history == {one.name: one.sha256 for one in migrations(files)}
    assert database.position("t0001") < database.position("t0002") < database.position("t0010")


async def test_the_lock_is_held_before_the_history_is_read(database: Database, files: Path) -> None:
    await migrate(URL, files)
    assert database.position("pg_advisory_lock") == 0
    assert database.position("CREATE TABLE IF NOT EXISTS") < database.position("SELECT name")


async def test_what_was_applied_is_not_applied_again(database: Database, files: Path) -> None:
    first = migrations(files)[0]
    database.history = {first.name: first.sha256}
    assert await migrate(URL, files) == ["0002_more", "0010_last"]
    assert await migrate(URL, files) == []
    assert first.sql not in database.executed


async def test_a_history_that_is_newer_than_the_program_is_refused(
    database: Database, files: Path
) -> None:
    database.history = {"0011_newer": "0", "0012_newest": "0"}
    with pytest.raises(Misconfigured, match=r"0012_newest.*run the newer program"):
        await migrate(URL, files)
    assert not [query for query in database.executed if query.startswith("CREATE TABLE t")]


async def test_a_file_that_was_changed_afterwards_is_refused(
    database: Database, files: Path
) -> None:
    await migrate(URL, files)
    (files / "0002_more.sql").write_text("CREATE TABLE other()")
    (files / "0011_new.sql").write_text("CREATE TABLE new()")
    with pytest.raises(Misconfigured, match="0002_more was changed"):
        await migrate(URL, files)
    assert "0011_new" not in database.history


async def test_a_failing_one_is_named_and_undone_and_those_before_it_stay(
    database: Database, files: Path
) -> None:
    database.failures = {"t0002": psycopg.errors.SyntaxError("no such thing\nLINE 1: secret")}
    with pytest.raises(Misconfigured, match=r"0002_more failed and was undone: no such thing$"):
        await migrate(URL, files)
    assert list(database.history) == ["0001_first"]
    assert not [query for query in database.executed if "t0010" in query]


async def test_while_somebody_else_migrates_nothing_is_done(
    database: Database, files: Path
) -> None:
    database.failures = {"pg_advisory_lock": psycopg.errors.LockNotAvailable("timeout")}
    with pytest.raises(Unavailable, match="somebody else migrates"):
        await migrate(URL, files)
    assert len(database.executed) == 1


async def test_a_database_that_does_not_answer_is_said_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def connect(*values: object, **options: object) -> None:
        raise psycopg.OperationalError(f"no route to {URL}")

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", connect)
    with pytest.raises(Unavailable, match="cannot reach") as raised:
        await migrate(URL)
    assert "secret" not in raised.value.message
    with pytest.raises(Unavailable):
        await check(URL)


async def test_a_start_needs_every_migration(database: Database) -> None:
    known = migrations()
    database.history = {one.name: one.sha256 for one in known}
    await check(URL)
    database.history.pop(known[-1].name)
    with pytest.raises(Misconfigured, match=f"lacks the migration {known[-1].name}"):
        await check(URL)


@pytest.mark.parametrize(
    ("scheme", "remedy"), [(SCHEME - 1, "copilot migrate"), (SCHEME + 1, "newer program")]
)
async def test_a_start_needs_an_index_of_its_own_scheme(
    database: Database, scheme: int, remedy: str
) -> None:
    database.history = {one.name: one.sha256 for one in migrations()}
    database.scheme = scheme
    with pytest.raises(Misconfigured, match=remedy):
        await check(URL)


async def test_a_start_on_an_empty_database_names_the_first_one(database: Database) -> None:
    database.exists = False
    with pytest.raises(Misconfigured, match=f"{migrations()[0].name}; run `copilot migrate`"):
        await check(URL)
    assert not [query for query in database.executed if "SELECT name" in query]


async def test_a_check_writes_nothing(database: Database) -> None:
    with pytest.raises(Misconfigured):
        await check(URL)
    assert all(query.startswith("SELECT") for query in database.executed)
