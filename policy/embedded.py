"""The embedded policy engine: the bundle's WASM build, evaluated in this process."""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.resources.abc import Traversable
from typing import Any

from opapywasm import OpaWasmError, OpaWasmPolicy, PolicyConfig

from policy.bundle import installed, load_bundle, load_wasm
from policy.errors import Misconfigured, Unavailable
from policy.rego_engine import ENTRY_POINTS, RegoEngine

_INSTANCES = 2
_MAX_BYTES = 16_000_000


class EmbeddedEngine(RegoEngine):
    """Evaluates on threads of its own, each with its own WASM instance: they are not reentrant.

    Misconfigured where the WASM is not the build of the sources, or needs a builtin of the host.
    """

    def __init__(
        self,
        folder: Traversable | None = None,
        *,
        timeout: float = 5.0,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        folder = folder or installed()
        bundle = load_bundle(folder)
        super().__init__(bundle_hash=bundle.hash, clock=clock)
        self._policy = _instantiate(load_wasm(folder, bundle), timeout)
        self._policy.set_data({"copilot": {"revision": {"bundle_hash": bundle.hash}}})
        self._threads = ThreadPoolExecutor(_INSTANCES, thread_name_prefix="policy")

    async def close(self) -> None:
        """Ends the threads; whoever asks afterwards gets Unavailable."""
        self._threads.shutdown(wait=False)
        self._policy.close()

    async def _evaluate(self, entry: str, question: Mapping[str, Any]) -> object:
        loop = asyncio.get_running_loop()
        rule = f"copilot/decide/{entry}"
        try:
            return await loop.run_in_executor(
                self._threads, lambda: self._policy.evaluate(dict(question), rule)
            )
        # RuntimeError: the threads have ended.
        except (OpaWasmError, RuntimeError) as error:
            raise Unavailable("policy", "the embedded policy engine failed; see the log") from error


def _instantiate(wasm: bytes, timeout: float) -> OpaWasmPolicy:
    config = PolicyConfig(
        pool_size=_INSTANCES,
        eval_timeout_seconds=timeout,
        max_input_bytes=_MAX_BYTES,
        strict_result=True,
    )
    try:
        policy = OpaWasmPolicy.from_wasm_bytes(wasm, config)
    except OpaWasmError as error:
        raise Misconfigured(
            "the policy's WASM cannot be loaded; install the release again"
        ) from error
    if policy.builtins or set(policy.entrypoints) != {f"copilot/decide/{e}" for e in ENTRY_POINTS}:
        policy.close()
        raise Misconfigured(
            "the policy's WASM needs host builtins or lacks an entry point; build it again"
        )
    return policy
