"""A verifier that others wrote: Go's sumdb/note and sumdb/tlog, from the toolchain's own source, offline."""

import os
import shutil
import subprocess
from pathlib import Path

_PROGRAM = Path(__file__).with_name("stranger.go")
_OFFLINE = {"GOPROXY": "off", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def built(module: Path) -> Path:
    """The program, built in that folder with what the Go toolchain itself checks modules with."""
    version = _go("env", "GOVERSION", at=module).removeprefix("go")
    (module / "go.mod").write_text(f"module stranger\n\ngo {version}\n")
    shutil.copy(_PROGRAM, module / "main.go")
    sumdb = Path(_go("env", "GOROOT", at=module)) / "src/cmd/vendor/golang.org/x/mod/sumdb"
    for package in ("note", "tlog"):
        shutil.copytree(sumdb / package, module / package)
    _go("build", "-o", "verify", ".", at=module)
    return module / "verify"


def verified(program: Path, folder: Path, key: str) -> str:
    """What it says of a bundle to whoever holds that key."""
    run = subprocess.run(
        [str(program), str(folder), key], capture_output=True, check=False, text=True, timeout=60
    )
    assert (run.returncode == 0) is (run.stderr == "")
    return run.stdout.strip() or run.stderr.strip()


def _go(*arguments: str, at: Path) -> str:
    run = subprocess.run(
        ["go", *arguments],
        cwd=at,
        env={**os.environ, **_OFFLINE},
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()
