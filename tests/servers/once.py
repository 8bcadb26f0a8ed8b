"""What opening the product reads is read once for all tests of a process: reading it took over half of their time."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from retrieval import embedding, embedding_card


@contextmanager
def read_once() -> Iterator[None]:
    """The model and the digests of its files, as long as the files are the same; the compiled policy."""
    with pytest.MonkeyPatch.context() as patch:
        digest = _kept(embedding_card.sha256)
        patch.setattr(embedding_card, "sha256", digest)
        patch.setattr(embedding, "sha256", digest)
        patch.setattr(embedding, "_opened", _kept(embedding._opened))
        patch.setattr(wasmtime, "Module", _Compiled())
        yield


def _kept(read: Callable[[Path], Any]) -> Callable[[Path], Any]:
    known = dict[tuple[Path, int, int, int], Any]()

    def found(file: Path) -> Any:
        as_is = file.stat()
        key = (file, as_is.st_ino, as_is.st_size, as_is.st_mtime_ns)
        if key not in known:
            known[key] = read(file)
        return known[key]

    return found


class _Compiled:
    """Compiles the same bytes once; each engine gets a module of its own, as before."""

    validate = staticmethod(wasmtime.Module.validate)

    def __init__(self) -> None:
        self._module = wasmtime.Module
        self._known = dict[bytes, bytes]()

    def __call__(self, engine: wasmtime.Engine, wasm: bytes) -> wasmtime.Module:
        key = hashlib.sha256(wasm).digest()
        if key not in self._known:
            self._known[key] = bytes(self._module(engine, wasm).serialize())
        return self._module.deserialize(engine, self._known[key])
