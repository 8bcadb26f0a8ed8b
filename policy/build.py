"""Builds the policy's WASM from its Rego sources: `python -m policy.build --opa PATH [--check]`.

With `--tenant FOLDER` a tenant's own bundle, whose modules must all be of package `tenant`.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from policy.bundle import REVISION, WASM, Bundle, load_bundle, sha256
from policy.errors import BadInput, CopilotError, Misconfigured
from policy.narrowed import TENANT_RULES
from policy.rego_engine import ENTRY_POINTS

_FOLDER = Path(__file__).parent / "rego"
_RULES = tuple(f"copilot/decide/{entry}" for entry in ENTRY_POINTS)
_TENANT = ["data", "tenant"]
_TIMEOUT_S = 120


def build(opa: str, bundle: Bundle, rules: Iterable[str] = _RULES) -> dict[str, bytes]:
    """The generated files by name: the same bytes on every machine that has the same OPA."""
    wasm = _compile(opa, bundle, rules)
    revision = {
        "bundle_hash": bundle.hash,
        "wasm_sha256": sha256(wasm),
        "opa": _version(opa),
    }
    document = json.dumps({"copilot": {"revision": revision}}, indent=2) + "\n"
    return {WASM: wasm, REVISION: document.encode()}


def build_tenant(opa: str, bundle: Bundle) -> dict[str, bytes]:
    """As `build`, of a tenant's bundle: BadInput where it speaks for any package but `tenant`."""
    with _written(bundle) as folder:
        for name in bundle.sources:
            if (package := _package(opa, name, folder)) != _TENANT:
                found = ".".join(package[1:])
                raise BadInput(f"{name} must be of package tenant, and is of {found!r}")
    return build(opa, bundle, TENANT_RULES)


def _package(opa: str, name: str, folder: str) -> list[str]:
    """As OPA itself reads it: a pattern could be led astray by a string or a comment."""
    module = json.loads(run_opa(opa, "parse", "--format", "json", name, cwd=folder))
    return [str(part["value"]) for part in module["package"]["path"]]


def _compile(opa: str, bundle: Bundle, rules: Iterable[str]) -> bytes:
    entries = [part for rule in rules for part in ("-e", rule)]
    with _written(bundle) as folder:
        # OPA writes the file names it is given into the WASM, so they are bare: no machine path.
        run_opa(
            opa, "build", "-t", "wasm", *entries, "-o", "bundle.tar.gz", *bundle.sources, cwd=folder
        )
        with tarfile.open(Path(folder, "bundle.tar.gz")) as archive:
            archive.extract("/policy.wasm", folder, filter="data")
        return Path(folder, WASM).read_bytes()


@contextmanager
def _written(bundle: Bundle) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in bundle.sources.items():
            Path(folder, name).write_bytes(content)
        yield folder


def _version(opa: str) -> str:
    return run_opa(opa, "version").splitlines()[0].removeprefix("Version: ")


def run_opa(opa: str, *arguments: str, cwd: str | None = None) -> str:
    """What the program prints; Misconfigured where there is none or it fails."""
    # Absolute, because a relative path would be looked up in `cwd`.
    program = Path(shutil.which(opa) or opa).absolute()
    try:
        done = subprocess.run(
            [program, *arguments],
            cwd=cwd,
            check=True,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
        )
    except OSError as error:
        raise Misconfigured(f"no OPA runs at {opa!r}; give its path with --opa") from error
    except subprocess.CalledProcessError as error:
        # It tells some faults on one stream and some on the other.
        said = f"{error.stdout}{error.stderr}".strip()
        raise Misconfigured(f"`opa {arguments[0]}` failed: {said}") from error
    except subprocess.TimeoutExpired as error:
        raise Misconfigured(f"`opa {arguments[0]}` took more than {_TIMEOUT_S} s") from error
    return done.stdout


def main(arguments: Sequence[str]) -> int:
    """Writes the generated files, or with --check names those that are not the sources' build."""
    parser = argparse.ArgumentParser(prog="policy.build", description=__doc__)
    parser.add_argument("--opa", required=True, help="the pinned OPA binary")
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    parser.add_argument("--tenant", type=Path, metavar="FOLDER", help="a tenant's own bundle")
    parser.add_argument("--folder", type=Path, default=_FOLDER, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    options.folder, make = (
        (options.tenant, build_tenant) if options.tenant else (options.folder, build)
    )
    try:
        built = make(options.opa, load_bundle(options.folder))
        return _check(options.folder, built) if options.check else _write(options.folder, built)
    except CopilotError as error:
        print(error.message, file=sys.stderr)
    except OSError as error:
        print(f"cannot write {error.filename}: {error.strerror}", file=sys.stderr)
    return 1


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
