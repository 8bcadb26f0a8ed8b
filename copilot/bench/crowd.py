"""Many clients at once, dealt out among forks such as `copilot serve --processes` has.

A program of its own, since what is forked must not have threads.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier
from typing import Any, NamedTuple

from copilot import processes
from copilot.app import database_url
from copilot.bench.clearances import ALL, asker
from copilot.bench.large import holding, questions, size
from copilot.bench.memory import shared_mb
from copilot.bench.whole import Whole, whole
from copilot.settings import Settings
from policy.errors import CopilotError
from retrieval.embedding import OnnxEmbedder, load
from retrieval.embedding_export import MODEL

_PATIENCE_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """How many answers a second they got, and the megabytes of all processes but Postgres: what two share, once."""

    rate: float
    memory_mb: float


class _Took(NamedTuple):
    """What one fork measured; times are those of `time.monotonic`, which all processes share."""

    answers: int
    began: float
    ended: float
    memory_mb: float


async def measured(settings: Settings, forks: int, clients: int, asked: int) -> Served:
    """`asked` questions by `clients`, each of whom asks the next as soon as they have an answer."""
    variables = {
        "COPILOT_DATA_DIR": str(settings.data_dir),
        "COPILOT_MODELS_DIR": str(settings.models_dir),
    }
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, str(forks), str(clients), str(asked)),
        env=os.environ | variables,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(_PATIENCE_S):
        told, _ = await program.communicate()
    if program.returncode:
        raise CopilotError("the bench of many clients failed; what it wrote says why")
    return Served(**json.loads(told))


@dataclass(frozen=True, slots=True)
class _Crowd:
    """What the forks have in common."""

    settings: Settings
    embedder: OnnxEmbedder
    clients: int
    """Of each fork."""
    asked: int
    next: "Synchronized[int]"
    together: Barrier
    found: "SimpleQueue[_Took]"

    async def work(self) -> None:
        """One fork's part. All begin at once, and none ends before all have told what they found."""
        async with whole(self.settings, self.embedder) as product:
            await product.warm(asker(ALL))
            processes.collect_seldom()
            await asyncio.to_thread(self.together.wait, _PATIENCE_S)
            began = time.monotonic()
            answers = await asyncio.gather(*(self._client(product) for _ in range(self.clients)))
            ended = time.monotonic()
            self.found.put(_Took(sum(answers), began, ended, self._memory_mb()))
            await asyncio.to_thread(self.together.wait, _PATIENCE_S)

    async def _client(self, product: Whole) -> int:
        answers, every = 0, questions()
        while (at := self._taken()) < self.asked:
            await product.search(asker(ALL), every[at % len(every)])
            answers += 1
        return answers

    def _memory_mb(self) -> float:
        """Of this fork, with its part of what their parent holds."""
        return shared_mb() + shared_mb(os.getppid()) / self.together.parties

    def _taken(self) -> int:
        with self.next.get_lock():
            self.next.value += 1
            return self.next.value - 1


def main(arguments: Sequence[str]) -> int:
    """Of how many forks, clients and questions; prints what was measured as JSON."""
    forks, clients, asked = map(int, arguments)
    processes.share_heaps()
    settings = holding(Settings.from_environment(os.environ), size())
    database_url(settings)  # the embedded server, which ends when nobody who began with it is left
    fork: Any = get_context("fork")
    crowd = _Crowd(
        settings=settings,
        embedder=load(settings.models_dir, MODEL),
        clients=clients // forks,
        asked=asked,
        next=fork.Value("i", 0),
        together=fork.Barrier(forks),
        found=fork.SimpleQueue(),
    )
    if code := processes.run(forks, crowd.work):
        return code
    every = [crowd.found.get() for _ in range(forks)]
    seconds = max(one.ended for one in every) - min(one.began for one in every)
    rate = round(sum(one.answers for one in every) / seconds, 1)
    memory = round(sum(one.memory_mb for one in every), 1)
    print(json.dumps({"rate": rate, "memory_mb": memory}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
