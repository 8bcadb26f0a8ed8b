"""Somebody who reads what the memory corpus holds."""

from copilot.testing import MemoryCorpus
from policy.embedded import EmbeddedEngine
from policy.labels import Classification
from policy.principal import Asker, Principal
from policy.scope import Scope, Scoper


def reader(clearance: Classification = Classification.U) -> Asker:
    principal = Principal(
        sub="ann",
        tenant="t1",
        clearance=clearance,
        nationality="USA",
        roles=frozenset(["analyst"]),
        purposes=("investigation",),
    )
    return Asker(principal=principal, purpose="investigation")


async def scope_of(corpus: MemoryCorpus, clearance: Classification = Classification.U) -> Scope:
    """What they may read of it now."""
    engine = EmbeddedEngine()
    try:
        return await Scoper(engine, corpus.labels).scope(reader(clearance))
    finally:
        await engine.close()
