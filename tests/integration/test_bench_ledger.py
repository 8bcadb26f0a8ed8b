"""The ledger's bench measures the product's own writers, and what it wrote holds."""

import pytest

from copilot.bench.ledger.writers import Effort, written
from copilot.ledger.verify import verify
from tests.integration.sealed import SIGNER, seal

pytestmark = pytest.mark.anyio


async def test_the_benchs_writers_leave_a_log_that_holds(database_url: str) -> None:
    turns = written(database_url, SIGNER, Effort(turns=2, turn_s=0.3))
    assert len(turns.ledger) == len(turns.plain) == 2
    assert min(*turns.ledger, *turns.plain) > 0
    await seal(database_url)
    result = await verify(database_url)
    assert result.problems == []
    assert result.sealed == result.entries == len(turns.ledger_ms)
