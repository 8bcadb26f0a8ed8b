"""Builds the policy's WASM from its Rego sources: `python -m policy.build --opa PATH [--check]`."""

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from policy.bundle import REVISION, WASM, Bundle, load_bundle, sha256
from policy.errors import CopilotError, Misconfigured
from policy.rego_engine import ENTRY_POINTS

_FOLDER = Path(__file__).parent / "rego"


def build(opa: str, bundle: Bundle) -> dict[str, bytes]:
    """The generated files by name: the same bytes on every machine that has the same OPA."""
    wasm = _compile(opa, bundle)
    revision = {
        "bundle_hash": bundle.hash,
        "wasm_sha256": sha256(wasm),
        "opa": _version(opa),
    }
    document = json.dumps({"copilot": {"revision": revision}}, indent=2) + "\n"
    return {WASM: wasm, REVISION: document.encode()}


def _compile(opa: str, bundle: Bundle) -> bytes:
    entries = [part for e in ENTRY_POINTS for part in ("-e", f"copilot/decide/{e}")]
    # OPA writes the file names it is given into the WASM, so they are bare: no machine path.
    with tempfile.TemporaryDirectory() as folder:
        for name, content in bundle.sources.items():
            Path(folder, name).write_bytes(content)
        _run(
            opa, "build", "-t", "wasm", *entries, "-o", "bundle.tar.gz", *bundle.sources, cwd=folder
        )
        with tarfile.open(Path(folder, "bundle.tar.gz")) as archive:
            archive.extract("/policy.wasm", folder, filter="data")
        return Path(folder, WASM).read_bytes()


def _version(opa: str) -> str:
    return _run(opa, "version").splitlines()[0].removeprefix("Version: ")


def _run(opa: str, *arguments: str, cwd: str | None = None) -> str:
    # Absolute, because a relative path would be looked up in `cwd`.
    program = Path(shutil.which(opa) or opa).absolute()
    try:
        done = subprocess.run(
            [program, *arguments], cwd=cwd, check=True, capture_output=True, text=True, timeout=120
        )
    except OSError as error:
        raise Misconfigured(f"no OPA runs at {opa!r}; give its path with --opa") from error
    except subprocess.SubprocessError as error:
        raise Misconfigured(
            f"`opa {arguments[0]}` failed: {getattr(error, 'stderr', None)}"
        ) from error
    return done.stdout


def main(arguments: Sequence[str]) -> int:
    """Writes the generated files, or with --check names those that are not the sources' build."""
    parser = argparse.ArgumentParser(prog="policy.build", description=__doc__)
    parser.add_argument("--opa", required=True, help="the pinned OPA binary")
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    parser.add_argument("--folder", type=Path, default=_FOLDER, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        built = build(options.opa, load_bundle(options.folder))
    except CopilotError as error:
        print(error.message, file=sys.stderr)
        return 1
    return _check(options.folder, built) if options.check else _write(options.folder, built)


def _write(folder: Path, built: dict[str, bytes]) -> int:
    for name, content in built.items():
        (folder / name).write_bytes(content)
    return 0


def _check(folder: Path, built: dict[str, bytes]) -> int:
    stale = [
        name
        for name, content in built.items()
        if not (folder / name).is_file() or (folder / name).read_bytes() != content
    ]
    for name in stale:
        print(
            f"{name} is not the build of the policy sources; run `python -m policy.build`",
            file=sys.stderr,
        )
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
