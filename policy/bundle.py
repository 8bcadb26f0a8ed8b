"""The policy bundle: the Rego sources of this installation, and the WASM built from them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any

from policy.errors import Misconfigured

WASM = "policy.wasm"
REVISION = "data.json"
"""The hashes of both, written by the build. An OPA that loads the folder has them as data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The rules, without their tests: file name to content."""

    sources: Mapping[str, bytes]

    @property
    def hash(self) -> str:
        """SHA-256 (hex) over the sources, sorted: name, length and bytes of each, NUL between."""
        digest = hashlib.sha256()
        for name, content in sorted(self.sources.items()):
            digest.update(b"%s\0%d\0%s" % (name.encode(), len(content), content))
        return digest.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """Rules with the WASM that was built from them: all that it takes to decide by them again."""

    bundle: Bundle
    wasm: bytes
    rules: str = field(init=False)
    """The hash of the bundle, taken once."""
    sha256: str = field(init=False)
    """SHA-256 (hex) over the hash of the rules, NUL and the WASM: what a record names it by."""

    def __post_init__(self) -> None:
        rules = self.bundle.hash
        object.__setattr__(self, "rules", rules)
        object.__setattr__(self, "sha256", sha256(rules.encode() + b"\0" + self.wasm))


def installed() -> Traversable:
    """The folder of the bundle, in a checkout and in a wheel alike."""
    return resources.files("policy") / "rego"


def load_bundle(folder: Traversable) -> Bundle:
    """Reads the rules of a folder; Misconfigured where there are none."""
    try:
        sources = {
            file.name: file.read_bytes()
            for file in folder.iterdir()
            if file.name.endswith(".rego") and not file.name.endswith("_test.rego")
        }
    except OSError as error:
        raise Misconfigured(
            f"cannot read the policy folder {folder}: {error.strerror}; give one with *.rego files"
        ) from error
    if not sources:
        raise Misconfigured(
            f"the policy folder {folder} has no sources (*.rego); install the release again, or "
            "see the tenant's own"
        )
    return Bundle(sources=MappingProxyType(dict(sorted(sources.items()))))


def load_wasm(folder: Traversable, bundle: Bundle) -> bytes:
    """Reads the WASM; Misconfigured unless the revision says that it was built from this bundle."""
    try:
        wasm = (folder / WASM).read_bytes()
        recorded: Any = json.loads((folder / REVISION).read_bytes())
    except (OSError, ValueError) as error:
        raise Misconfigured(
            f"{WASM} or {REVISION} of the policy is missing or damaged; {_REMEDY}"
        ) from error
    try:
        revision = recorded["copilot"]["revision"]
        matches = revision["bundle_hash"] == bundle.hash and revision["wasm_sha256"] == sha256(wasm)
    except (KeyError, TypeError) as error:
        raise Misconfigured(f"{REVISION} of the policy names no revision; {_REMEDY}") from error
    if not matches:
        raise Misconfigured(f"{WASM} was not built from the policy sources beside it; {_REMEDY}")
    return wasm


_REMEDY = "build it with `python -m policy.build --opa PATH`, a tenant's own with `--tenant FOLDER`"


def sha256(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()
