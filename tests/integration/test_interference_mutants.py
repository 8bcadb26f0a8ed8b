"""The interference suite finds a filter that is missing, whichever it is; row-level security covers for it."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from copilot import answers, find, resources
from copilot.app import engine_of
from copilot.ledger import audit
from copilot.settings import Settings
from eval.interference.bench import Bench
from eval.interference.corpora import draw
from eval.interference.embedded_once import EmbeddedOnce
from eval.interference.pairs import Pair, compared, prepared
from eval.interference.run import migrated
from eval.interference.tally import Tally
from eval.oracle import may_read
from policy.engine import Allowed
from policy.principal import Asker
from policy.recheck import Rechecked
from policy.scope import Scope, Scoper
from retrieval.embedding import load
from retrieval.ports import PostingList
from retrieval.stores.postgres import database, graph, search
from retrieval.stores.postgres.arrays import ids_of
from retrieval.stores.postgres.database import Role
from retrieval.stores.postgres.named import Named
from retrieval.stores.postgres.names import Piece
from retrieval.stores.postgres.queries import Queries
from retrieval.stores.postgres.worded import Window
from retrieval.stores.postgres.words import Piece as WordPiece
from tests.integration.test_row_level_security import forgetful

pytestmark = pytest.mark.anyio

CORPUS = 38
"""One with many transfers of one firm and with a hidden list of names that share a word."""


@dataclass(frozen=True)
class Mutant:
    """A block of SQL with its label clauses, or some of them, taken out."""

    module: ModuleType
    block: str
    change: Callable[[str], str] = forgetful

    def __str__(self) -> str:
        return f"{self.module.__name__.rsplit('.', 1)[-1]}-{self.block}-{self.change.__name__}"


def inside_of_all(block: str) -> str:
    """Leads on from hidden chunks to what is visible."""
    return _replaced(
        block,
        "chunk_id = ANY(%(chunks)s) AND label_id = ANY({labels})",
        "chunk_id = ANY(%(chunks)s)",
    )


def mentions_of_all(block: str) -> str:
    """Shows where hidden chunks mention an entity."""
    return _replaced(
        block, "degree <= %(most)s)) AND label_id = ANY({labels})", "degree <= %(most)s))"
    )


def degree_of_all(block: str) -> str:
    """Counts hidden mentions as well, and lets them use up what an entity may give; shows none."""
    return _replaced(
        block,
        "(SELECT entity_id FROM asked)) AND label_id = ANY({labels})",
        "(SELECT entity_id FROM asked))",
    )


def definitions_of_all(block: str) -> str:
    """Leads to hidden chunks by what they define."""
    return _replaced(block, "E'\\n')) AND label_id = ANY({labels})", "E'\\n'))")


def statistics_of_all(block: str) -> str:
    """Adds hidden chunks to the sums, and shows none."""
    return _replaced(
        block, "FROM label_statistics\n    WHERE label_id = ANY({labels})", "FROM label_statistics"
    )


def documents_own_label(block: str) -> str:
    """Forgets that id and title have a label of their own."""
    return _replaced(block, " AND d.label_id = ANY({labels})", "")


def _replaced(block: str, old: str, new: str) -> str:
    assert old in block
    return block.replace(old, new)


MUTANTS = [
    Mutant(search, "nearest"),
    Mutant(search, "postings"),
    Mutant(search, "postings", statistics_of_all),
    Mutant(search, "beginning"),
    Mutant(search, "weigh"),
    Mutant(search, "chunks"),
    Mutant(search, "chunks", documents_own_label),
    Mutant(search, "preceding"),
    Mutant(search, "sentences"),
    Mutant(graph, "linked"),
    Mutant(graph, "around"),
    Mutant(graph, "around", inside_of_all),
    Mutant(graph, "around", mentions_of_all),
    Mutant(graph, "around", degree_of_all),
    Mutant(graph, "around", definitions_of_all),
    Mutant(graph, "neighbours"),
    Mutant(graph, "entities"),
    Mutant(resources, "document"),
    Mutant(resources, "entities"),
    Mutant(resources, "entity_mentions"),
    Mutant(resources, "entity_relations"),
    Mutant(resources, "entity_names"),
    Mutant(resources, "names_in"),
    Mutant(resources, "relations_in"),
    Mutant(answers, "read_answer"),
    Mutant(audit, "newest"),
    Mutant(audit, "by_person"),
    Mutant(audit, "people"),
    Mutant(audit, "kinds"),
    Mutant(audit, "entries"),
    Mutant(audit, "cursor"),
]


@pytest.fixture(scope="module")
async def bench(models_dir: Path) -> AsyncIterator[Bench]:
    settings = Settings(models_dir=models_dir, database_timeout_s=30, policy_timeout_s=30)
    engine, embedder = engine_of(settings), load(models_dir)
    yield Bench(settings=settings, engine=engine, embedder=EmbeddedOnce(embedder))
    await engine.close()
    embedder.close()


@pytest.fixture(scope="module")
async def pair(bench: Bench, postgres: str) -> AsyncIterator[Pair]:
    async with (
        migrated(postgres) as template,
        prepared(bench, template, draw(CORPUS, may_read)) as made,
    ):
        yield made


@pytest.fixture
def unprotected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers connect as the owner, whom row-level security does not stop."""
    real = database.serving_conninfo

    def conninfo(url: str, role: Role, timeout_s: float) -> str:
        return url if role in (Role.READER, Role.AUDITOR) else real(url, role, timeout_s)

    monkeypatch.setattr(database, "serving_conninfo", conninfo)


def planted(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the changed block in the place of the right one."""
    queries = next(one for one in vars(mutant.module).values() if isinstance(one, Queries))
    blocks = {**queries._blocks, mutant.block: mutant.change(queries._blocks[mutant.block])}
    monkeypatch.setattr(queries, "_blocks", blocks)


async def test_without_row_level_security_the_product_still_passes(
    bench: Bench, pair: Pair, unprotected: None
) -> None:
    assert (await compared(bench, pair)).wrong == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
async def test_a_search_without_its_filter_is_found(
    bench: Bench, pair: Pair, unprotected: None, monkeypatch: pytest.MonkeyPatch, mutant: Mutant
) -> None:
    planted(mutant, monkeypatch)
    tally = await compared(bench, pair)
    assert tally.wrong


async def test_names_in_memory_that_count_what_is_hidden_are_found(
    bench: Bench, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row-level security covers for memory."""

    def everything(_self: Named, _piece: Piece, which: Any, chunks: Any, size: int) -> Any:
        return which, chunks, np.bincount(which, minlength=size)

    monkeypatch.setattr(Named, "_visible", everything)
    assert (await compared(bench, pair)).wrong


async def test_names_in_memory_that_lead_on_from_what_is_hidden_are_found(
    bench: Bench, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everything(_self: Named, piece: Piece, chunk_ids: Sequence[str]) -> Any:
        return piece.chunks(ids_of(chunk_ids))

    monkeypatch.setattr(Named, "_chunks", everything)
    assert (await compared(bench, pair)).wrong


@pytest.mark.parametrize("what", ["ranges", "visible", "shows"])
async def test_words_in_memory_of_what_is_hidden_are_found(
    bench: Bench, pair: Pair, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def whole(self: WordPiece, _label_ids: Any) -> Any:
        return np.array([0]), np.array([len(self.labels)])

    def listed(self: Window, one: slice) -> PostingList:
        return self._list(*self.piece.having(one), np.zeros(1, np.int64))

    def all_of_them(_self: Window, numbers: Any) -> Any:
        return np.ones(len(numbers), np.bool_)

    of, change = {
        "ranges": (WordPiece, whole),
        "visible": (Window, listed),
        "shows": (Window, all_of_them),
    }[what]
    monkeypatch.setattr(of, what, change)
    assert (await compared(bench, pair)).wrong


async def test_row_level_security_alone_covers_for_all_filters(
    bench: Bench, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    for mutant in MUTANTS:
        if mutant.change is forgetful:
            planted(mutant, monkeypatch)
    assert (await compared(bench, pair)).wrong == []


async def test_a_scope_cached_for_somebody_else_is_found(
    bench: Bench, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row-level security follows the scope, so it is no help here."""
    real = Scoper.scope
    kept: dict[tuple[int, str], Scope] = {}

    async def by_tenant(self: Scoper, asker: Asker) -> Scope:
        key = id(self), asker.principal.tenant
        if key not in kept:
            kept[key] = await real(self, asker)
        return kept[key]

    monkeypatch.setattr(Scoper, "scope", by_tenant)
    assert (await compared(bench, pair)).differences


async def test_a_double_check_that_lets_everything_pass_is_found(
    bench: Bench, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unchecked(_engine: object, _asker: object, _scope: object, items: Any) -> object:
        return Rechecked(kept=tuple(items), dropped=())

    monkeypatch.setattr(find, "double_check", unchecked)
    assert kinds(await compared(bench, pair)) == {"ask", "search"}


async def test_reads_that_are_not_checked_again_are_found(
    bench: Bench, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def yes(_self: object, _asker: object, labels: Sequence[object]) -> list[Allowed]:
        return [Allowed() for _ in labels]

    monkeypatch.setattr(type(bench.engine), "may_read", yes)
    found = kinds(await compared(bench, pair))
    assert found == {"ask", "search", "document", "entity", "entities", "paths", "answer"}


def kinds(tally: Tally) -> set[str]:
    """What showed unreadable labels once nothing but the double check was left."""
    assert not tally.differences
    return {leak.name.split("/")[3].split(":")[0].split(" ")[0] for leak in tally.recheck_leaks}
