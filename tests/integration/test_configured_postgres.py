"""A Postgres of the operator's own: its owner is no superuser, and takes the serving roles on."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from copilot.migrate import migrate
from policy.errors import Unavailable
from policy.labels import Classification, Label
from retrieval.stores.postgres.database import Database, Role
from retrieval.stores.postgres.labels import intern

pytestmark = pytest.mark.anyio
ROLES = tuple(map(str, Role))


@pytest.fixture
def owner_url(postgres: str) -> Iterator[str]:
    """A database with the vector extension, owned by a user with a password and nothing else."""
    name = f"owner_{uuid4().hex[:12]}"
    with psycopg.connect(postgres, autocommit=True) as root:
        root.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD 'pw'").format(_id(name)))
        root.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(_id(name), _id(name)))
        for (
            role
        ) in ROLES:  # of another database of this cluster; here they are let to the new owner
            root.execute(sql.SQL("GRANT {} TO {}").format(_id(role), _id(name)))
    with psycopg.connect(urlsplit(postgres)._replace(path=f"/{name}").geturl()) as root:
        root.execute("CREATE EXTENSION vector")
    host = quote(str(_socket(postgres)), safe="")
    yield f"postgresql://{name}:pw@/{name}?host={host}"
    with psycopg.connect(postgres, autocommit=True) as root:
        root.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(_id(name)))


async def test_an_owner_without_superuser_migrates_and_serves(owner_url: str) -> None:
    await migrate(owner_url)
    database = Database(owner_url, timeout_s=5)
    await database.open()
    try:
        label = Label(tenant="t1", classification=Classification.U)
        async with database.transaction(Role.WRITER, tenant="t1") as connection:
            await intern(connection, label)
        for role in Role:
            async with database.transaction(role) as connection:
                row = await (await connection.execute("SELECT current_user AS name")).fetchone()
                assert row is not None
                assert row["name"] == str(role)
    finally:
        await database.close()


async def test_reset_role_leads_back_to_the_serving_role(owner_url: str) -> None:
    await migrate(owner_url)
    database = Database(owner_url, timeout_s=5)
    await database.open()
    try:
        async with database.transaction(Role.READER) as connection:
            await connection.execute("RESET ROLE")
            row = await (await connection.execute("SELECT current_user AS name")).fetchone()
            assert row is not None
            assert row["name"] == str(Role.READER)
    finally:
        await database.close()


async def test_a_wrong_password_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="DATABASE_URL"):
        await migrate("postgresql://nobody:wrong@127.0.0.1:9/none")


def _id(name: str) -> sql.Identifier:
    return sql.Identifier(name)


def _socket(uri: str) -> Path:
    with psycopg.connect(uri) as connection:
        return Path(connection.info.host)
