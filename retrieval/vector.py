"""The vector arm: the visible passages nearest in meaning to the question."""

from policy.scope import Scope
from retrieval.embedding import Vectors
from retrieval.ports import PassageStore
from retrieval.types import Hit


async def search(store: PassageStore, question: Vectors, limit: int, *, scope: Scope) -> list[Hit]:
    """Exact cosine search over what the scope shows; no index that approximates over hidden rows."""
    return await store.nearest(question, limit, scope=scope)
