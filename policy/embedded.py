"""The embedded policy engine: the bundle's WASM build, evaluated in this process."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.resources.abc import Traversable
from typing import Any

from opapywasm import OpaWasmError, OpaWasmPolicy, PolicyConfig
from opapywasm.runtime import EpochTicker

from policy.bundle import Built, installed, load_bundle, load_wasm
from policy.errors import Misconfigured, Unavailable
from policy.installation import Installation
from policy.rego_engine import ENTRY_POINTS, RegoEngine

_log = logging.getLogger(__name__)

_INSTANCES = 2
_MAX_BYTES = 16_000_000
EpochTicker.tick_seconds = 0.1
"""An evaluation ends up to so much later than told. At its own 10 ms a thread takes 1 % of a processor to look."""


class Evaluator:
    """A bundle's WASM on threads of its own, each with its own instance: they are not reentrant."""

    def __init__(
        self, built: Built, rules: Collection[str], timeout: float, *, exactly: bool = True
    ) -> None:
        """Misconfigured unless these are its entry points; with `exactly` false it may have others as well."""
        self._timeout = timeout
        self._policy = _instantiate(built.wasm, rules, timeout, exactly=exactly)
        self._policy.set_data({"copilot": {"revision": {"bundle_hash": built.rules}}})
        self._threads = ThreadPoolExecutor(_INSTANCES, thread_name_prefix="policy")

    async def evaluate(self, rule: str, question: Mapping[str, Any]) -> object:
        """What the rule says of the question; Unavailable where it says nothing, or not in time."""
        loop = asyncio.get_running_loop()
        try:
            # Around the wait for a thread too, which others' slow questions may hold.
            async with asyncio.timeout(self._timeout):
                return await loop.run_in_executor(
                    self._threads, lambda: self._policy.evaluate(dict(question), rule)
                )
        except TimeoutError as error:
            late = f"the embedded policy engine did not answer in {self._timeout:g} s"
            raise Unavailable("policy", late) from error
        # RuntimeError: the threads have ended.
        except (OpaWasmError, RuntimeError) as error:
            _log.warning("the embedded policy engine failed: %s", type(error).__name__)
            raise Unavailable("policy", "the embedded policy engine failed; see the log") from error

    def close(self) -> None:
        """Ends the threads; whoever asks afterwards gets Unavailable."""
        self._threads.shutdown(wait=False)
        self._policy.close()


class EmbeddedEngine(RegoEngine):
    """The release's own bundle. Misconfigured where the WASM is not the build of the sources."""

    def __init__(
        self,
        folder: Traversable | None = None,
        *,
        installation: Installation | None = None,
        timeout: float = 5.0,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        folder = folder or installed()
        bundle = load_bundle(folder)
        super().__init__(bundle_hash=bundle.hash, installation=installation, clock=clock)
        self._built = Built(bundle=bundle, wasm=load_wasm(folder, bundle))
        self._evaluator = Evaluator(self._built, [*map(rule_of, ENTRY_POINTS)], timeout)

    def built(self) -> Built:
        """As it was read at the start."""
        return self._built

    async def close(self) -> None:
        """Ends the evaluation; whoever asks afterwards gets Unavailable."""
        self._evaluator.close()

    async def _evaluate(self, entry: str, question: Mapping[str, Any]) -> object:
        return await self._evaluator.evaluate(rule_of(entry), question)


def rule_of(entry: str) -> str:
    """The path of an entry point in the bundle."""
    return f"copilot/decide/{entry}"


def _instantiate(
    wasm: bytes, rules: Collection[str], timeout: float, *, exactly: bool
) -> OpaWasmPolicy:
    config = PolicyConfig(
        pool_size=_INSTANCES,
        eval_timeout_seconds=timeout
        + EpochTicker.tick_seconds,  # never sooner; who waits is told in time
        max_input_bytes=_MAX_BYTES,
        strict_result=True,
    )
    try:
        policy = OpaWasmPolicy.from_wasm_bytes(wasm, config)
    except OpaWasmError as error:
        raise Misconfigured(
            "the policy's WASM cannot be loaded; install the release again"
        ) from error
    missing, others = set(rules) - set(policy.entrypoints), set(policy.entrypoints) - set(rules)
    if policy.builtins or missing or (others and exactly):
        policy.close()
        raise Misconfigured(
            "the policy's WASM needs host builtins or lacks an entry point; build it again"
        )
    return policy
