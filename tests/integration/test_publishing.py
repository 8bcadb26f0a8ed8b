"""Checkpoints lie where the database's owner cannot change them: in folders, in stores, under a witness's signature."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest

from copilot.ledger import destinations
from copilot.ledger.log import Ledger
from copilot.ledger.proofs.checkpoint import open_checkpoint
from copilot.ledger.proofs.note import Note, Signature
from copilot.ledger.publish import Publisher
from copilot.ledger.s3 import Credentials
from copilot.readiness import OK
from policy.errors import Misconfigured
from retrieval.stores.postgres.database import Database
from tests.integration.sealed import SIGNER, forget, seal
from tests.integration.test_ledger import record
from tests.servers.outside import WITNESS_KEY, Outside, outside

pytestmark = pytest.mark.anyio

KEY = SIGNER.verifier_key


@pytest.fixture
def out() -> Iterator[Outside]:
    with outside(KEY) as found:
        yield found


async def grow(database: Database, count: int) -> None:
    ledger = Ledger(database)
    for _ in range(count):
        await ledger.record(record())
    await seal(database.url)


def publisher(database: Database, *texts: str, every_s: float = 60) -> Publisher:
    return Publisher(database, destinations.read(texts), every_s)


def witness(out: Outside) -> str:
    return f"witness+{out.url}/log#{WITNESS_KEY}"


def stored(database: Database, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.url) as connection:
        return connection.execute(query.encode()).fetchall()


async def test_a_folder_and_a_store_hold_each_checkpoint_that_was_published(
    database: Database, out: Outside, tmp_path: Path
) -> None:
    one = publisher(database, f"file://{tmp_path}/kept", f"{out.url}/bucket/")
    assert await one.publish() == []
    for _ in range(2):
        await grow(database, 3)
        assert len(await one.publish()) == 2
        assert await one.publish() == []
    in_folder = {file.name: file.read_bytes() for file in (tmp_path / "kept").iterdir()}
    in_store = {name.removeprefix("/bucket/"): data for name, data in out.objects.items()}
    assert in_folder == in_store
    assert set(in_folder) == {f"{3:020}", f"{6:020}", "checkpoint"}
    assert in_folder["checkpoint"] == in_folder[f"{6:020}"]
    for data in in_folder.values():
        open_checkpoint(data, origin=KEY.name, keys=[KEY])


async def test_a_witness_signs_what_continues_the_log_that_it_has_seen(
    database: Database, out: Outside
) -> None:
    one = publisher(database, witness(out))
    for size in (3, 6, 9):
        await grow(database, 3)
        assert await one.publish() == [f"witness+{out.url}/log"]
        assert out.seen is not None
        assert out.seen.size == size
    rows = stored(
        database,
        """SELECT c.note, p.cosignatures[1] FROM ledger_published p JOIN ledger_checkpoints c USING (size)""",
    )
    assert len(rows) == 3
    for note, line in rows:
        text = Note.parse(bytes(note)).text
        [verified] = Note(text=text, signatures=(Signature.parse(str(line), "it"),)).verify(
            [WITNESS_KEY]
        )
        assert verified.at is not None
    assert out.asked == 3


async def test_a_witness_that_has_seen_more_than_is_remembered_is_asked_again(
    database: Database, out: Outside
) -> None:
    await grow(database, 2)
    await publisher(database, witness(out)).publish()
    await grow(database, 2)
    with psycopg.connect(database.url, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("DELETE FROM ledger_published")
    assert len(await publisher(database, witness(out)).publish()) == 1
    assert out.asked == 3


async def test_a_log_written_anew_gets_no_witness(database: Database, out: Outside) -> None:
    await grow(database, 3)
    await publisher(database, witness(out)).publish()
    forget(database.url)
    for _ in range(2):  # as many records, then more
        await grow(database, 3)
        assert await publisher(database, witness(out)).publish() == []
    await grow(database, 1)
    assert out.seen is not None
    assert out.seen.size == 3


@pytest.mark.parametrize("where", ["file://{folder}/kept", "{store}/bucket?sig=a/b"])
async def test_neither_a_log_written_anew_nor_one_put_back_replaces_what_lies_outside(
    database: Database, out: Outside, tmp_path: Path, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = where.format(folder=tmp_path, store=out.url)

    def kept() -> dict[str, bytes]:
        files = (tmp_path / "kept").glob("*") if text.startswith("file") else ()
        return {file.name: file.read_bytes() for file in files} | out.objects

    await grow(database, 3)
    assert len(await publisher(database, text).publish()) == 1
    before = kept()
    assert any(name.endswith(("/bucket/checkpoint?sig=a/b", "checkpoint")) for name in before)
    forget(database.url)
    for size, said in [(2, "it holds a log of 3"), (3, "the log of 3"), (6, "the log of 6")]:
        await grow(database, size - stored(database, "SELECT count(*) FROM ledger_leaves")[0][0])
        assert await publisher(database, text).publish() == []
        assert said in caplog.text
    assert kept() == before


async def test_a_store_that_speaks_s3_gets_signed_requests(
    database: Database, out: Outside, caplog: pytest.LogCaptureFixture
) -> None:
    host = out.url.removeprefix("http://")
    out.credentials = Credentials(access_key="writer", secret_key="se/cret+", region="eu-west-3")
    await grow(database, 1)
    stranger, writer = (
        publisher(database, f"s3+http://writer:{key}@{host}/bucket/log?region=eu-west-3")
        for key in ("other", "se%2Fcret%2B")
    )
    assert await stranger.publish() == []
    assert out.objects == {}
    assert f"s3+http://{host}/bucket/log: answers 403" in caplog.text
    assert await writer.publish() == [f"s3+http://{host}/bucket/log"]
    assert sorted(out.objects) == [f"/bucket/log/{1:020}", "/bucket/log/checkpoint"]
    forget(database.url)
    await grow(database, 1)
    assert await writer.publish() == []
    assert "does not continue" in caplog.text
    assert "cret%2B" not in caplog.text


@pytest.mark.parametrize("status", [500, 503, 429, 401])
async def test_a_store_that_just_does_not_give_what_it_holds_is_not_taken_for_empty(
    database: Database, out: Outside, status: int
) -> None:
    store = f"{out.url}/bucket"
    await grow(database, 3)
    assert await publisher(database, store).publish() == [store]
    before = dict(out.objects)
    forget(database.url)
    await grow(database, 2)
    out.gives = status
    assert await publisher(database, store).publish() == []
    assert out.objects == before


@pytest.mark.parametrize("status", [403, 405])
async def test_a_store_that_may_be_written_and_not_read_takes_each(
    database: Database, out: Outside, status: int
) -> None:
    out.gives = status
    for size in (1, 2):
        await grow(database, 1)
        assert await publisher(database, f"{out.url}/bucket").publish() == [f"{out.url}/bucket"]
        assert f"/bucket/{size:020}" in out.objects


async def test_what_is_no_signature_of_the_witness_is_not_kept(
    database: Database, out: Outside, caplog: pytest.LogCaptureFixture
) -> None:
    out.lies = True
    await grow(database, 1)
    one = publisher(database, witness(out))
    assert await one.publish() == await one.publish() == []
    assert stored(database, "SELECT 1 FROM ledger_published") == []
    assert "not a signature by witness.example" in caplog.text


async def test_one_that_fails_keeps_nothing_from_the_others_and_is_tried_again(
    database: Database, out: Outside, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await grow(database, 2)
    out.refuses = 503
    (tmp_path / "file").write_text("in the way")
    kept = f"file://{tmp_path}/kept"
    nowhere = "http://user:sesame@127.0.0.1:1/x?token=sesame"
    one = publisher(database, f"{out.url}/b", f"file://{tmp_path}/file", nowhere, kept)
    for _ in range(2):
        await grow(database, 1)
        assert await one.publish() == [kept]
    assert caplog.text.count("answers 503") == 1
    assert "http://127.0.0.1:1/x: no answer" in caplog.text
    assert "sesame" not in caplog.text
    out.refuses = None
    assert await one.publish() == [f"{out.url}/b"]


async def test_what_is_behind_for_three_intervals_shows_in_readiness(
    database: Database, out: Outside, tmp_path: Path
) -> None:
    one = publisher(database, f"{out.url}/b", f"file://{tmp_path}/kept", every_s=0.1)
    await grow(database, 1)
    assert await one.publish()
    assert await one.state() == OK
    out.refuses = 500
    await grow(database, 1)
    await one.publish()
    await anyio.sleep(0.5)
    assert (await one.state()).startswith(f"degraded: no checkpoint reaches {out.url}/b for ")
    out.refuses = None
    await one.publish()
    assert await one.state() == OK


async def test_it_publishes_by_itself(database: Database, tmp_path: Path) -> None:
    one = publisher(database, f"file://{tmp_path}/kept", every_s=0.1)
    one.watch()
    await grow(database, 2)
    with anyio.fail_after(20):
        while not (tmp_path / "kept" / f"{2:020}").exists():  # noqa: ASYNC110
            await anyio.sleep(0.05)
    await one.close()


@pytest.mark.parametrize(
    "text",
    [
        "folder",
        "file://host/folder",
        "ftp://host/x",
        "https://",
        "s3+https://host/x",
        "s3+https://user@host/x",
        "witness+https://host/x",
        "witness+https://host/x#key",
        f"witness+https://host/x#{KEY}",
    ],
)
def test_a_destination_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match="COPILOT_LEDGER_PUBLISH"):
        destinations.read([text])


def test_a_destination_is_named_once() -> None:
    with pytest.raises(Misconfigured, match="twice"):
        destinations.read(["https://a@host/x", "https://b@host/x"])


def test_a_destination_shows_no_secret() -> None:
    with suppress(Misconfigured):
        [one] = destinations.read(["https://ann:sesame@host/x?sig=sesame"])
        assert one.name == "https://host/x"
    with pytest.raises(Misconfigured) as raised:
        destinations.read(["ftp://ann:sesame@host/x?sig=sesame"])
    assert "sesame" not in raised.value.message
