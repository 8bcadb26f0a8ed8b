"""The policies by which was decided, as a bundle holds them: each named by its digest, which records commit to."""

import json
import re
from collections.abc import Iterator
from types import MappingProxyType

from copilot.ledger.proofs.bundle import POLICIES as FOLDER
from copilot.ledger.proofs.bundle import canonical_json
from copilot.ledger.proofs.folder import Folder
from policy.bundle import Built, Bundle

_RULES, _WASM = "rules.json", "policy.wasm"
_FILE = re.compile(rf"{FOLDER}/([0-9a-f]{{64}})/({re.escape(_RULES)}|{re.escape(_WASM)})")


def policy_files(built: Built) -> dict[str, bytes]:
    """Its sources, name to text, and what was built from them."""
    sources = {name: text.decode() for name, text in built.bundle.sources.items()}
    folder = f"{FOLDER}/{built.sha256}"
    return {f"{folder}/{_RULES}": canonical_json(sources), f"{folder}/{_WASM}": built.wasm}


def held(names: frozenset[str]) -> frozenset[str]:
    """The digests of the policies that are there, be they what they are named or not."""
    return frozenset(found[1] for name in names if (found := _FILE.fullmatch(name)))


def problems(files: Folder) -> Iterator[str]:
    """Policies that are not what they are named; reads them to their end."""
    for name in sorted(files.names):
        if name.startswith(f"{FOLDER}/") and not _FILE.fullmatch(name):
            yield f"{name}: a policy has no such file"
    for digest in sorted(held(files.names)):
        folder = f"{FOLDER}/{digest}"
        if _digest(files.read(f"{folder}/{_RULES}"), files.read(f"{folder}/{_WASM}")) != digest:
            yield f"{folder}: this is not the policy of that digest"


def built_of(rules: bytes, wasm: bytes) -> Built | None:
    """From what was stored of it; None where the sources cannot be read."""
    try:
        sources = {name: text.encode() for name, text in json.loads(rules).items()}
    except (ValueError, AttributeError, RecursionError):
        return None
    return Built(bundle=Bundle(sources=MappingProxyType(sources)), wasm=wasm)


def _digest(rules: bytes, wasm: bytes) -> str | None:
    """None where the sources are none, or are not written as they are exported."""
    built = built_of(rules, wasm)
    return built.sha256 if built and rules in policy_files(built).values() else None
