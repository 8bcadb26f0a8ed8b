"""`copilot serve`: GraphQL over HTTP, in one process or in several."""

import asyncio
from argparse import Namespace

from copilot import processes
from copilot.api.server import create_app
from copilot.api.server import serve as listen
from copilot.app import embedder_of
from copilot.commands.opened import opened, ready_url
from copilot.commands.operator import note_changes
from copilot.commands.port import require_free
from copilot.settings import Settings
from copilot.telemetry import counted_together
from policy.errors import Misconfigured
from retrieval.embedding import Embedder


def serve(settings: Settings, options: Namespace) -> int:
    """Serves GraphQL until stopped."""
    if settings.jwt_secret is None and settings.jwks_url is None:
        raise Misconfigured(
            "nobody could prove who they are: set COPILOT_JWT_SECRET or COPILOT_JWKS_URL"
        )
    require_free(options.host, options.port)
    processes.share_heaps()
    if options.processes > 1:
        return _served_together(settings, options)
    asyncio.run(_serve(settings, options))
    return 0


def _served_together(settings: Settings, options: Namespace) -> int:
    # Once, so that no fork has to wait for another's migration, or records what another has recorded.
    url = asyncio.run(ready_url(settings))
    # Apart: to compile the policy begins threads, which a later fork would lack and wait for without end.
    if failed := processes.run(1, lambda: note_changes(settings, url)):
        return failed
    embedder = asyncio.run(embedder_of(settings))
    with counted_together():
        return processes.run(options.processes, lambda: _serve(settings, options, embedder))


async def _serve(settings: Settings, options: Namespace, embedder: Embedder | None = None) -> None:
    together = options.processes > 1
    async with opened(settings, embedder, sealing=True, noting=not together) as copilot:
        app = create_app(copilot)
        # Only now: strawberry looks into modules, and would meet some that another thread has half imported.
        copilot.warm()
        processes.collect_seldom()
        await listen(app, options.host, options.port, together=together)
