"""Open Policy Agent for the tests: the pinned binary, and a server that runs without any policy.

Run as a program it prints the path of the binary, which the Makefile uses.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

VERSION = "1.22.0"
_MODULE = f"github.com/open-policy-agent/opa@v{VERSION}"
_IMAGE = f"openpolicyagent/opa:{VERSION}"
_REMEDY = (
    f"OPA {VERSION} is needed: install Go 1.26 or newer, or start a Docker engine, or name a binary "
    "of that version in COPILOT_TEST_OPA."
)


class OpaMissing(RuntimeError):
    """OPA is neither here nor can it be made here; the message says what to install."""


def binary() -> Path:
    """The OPA that the project pins: named, cached, or made once (by Go, else from the image)."""
    if named := os.environ.get("COPILOT_TEST_OPA"):
        return _of_this_version(Path(named))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "copilot-tests"
    cached = cache / f"opa-{VERSION}" / "opa"
    cached.parent.mkdir(parents=True, exist_ok=True)
    with (cached.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not cached.exists():
            _build(cached)
    return _of_this_version(cached)


@contextmanager
def serve(*options: str) -> Iterator[str]:
    """The base URL of an empty OPA server: a container where Docker answers, else a process."""
    with (_container if _docker_answers() else _process)(*options) as url:
        yield url


def _of_this_version(path: Path) -> Path:
    try:
        told = subprocess.run([path, "version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise OpaMissing(f"{path} does not run as OPA. {_REMEDY}") from error
    if f"Version: {VERSION}\n" not in told:
        raise OpaMissing(f"{path} is not OPA {VERSION}. {_REMEDY}")
    return path


def _build(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as directory:
        made = Path(directory) / "opa"
        if go := shutil.which("go"):
            print(f"Building OPA {VERSION} with Go, once; it takes minutes.", file=sys.stderr)
            _must([go, "install", _MODULE], GOBIN=directory, CGO_ENABLED="0")
        elif _docker_answers():
            container = _must(["docker", "create", _IMAGE]).strip()
            _must(["docker", "cp", f"{container}:/opa", str(made)])
            _must(["docker", "rm", container])
        else:
            raise OpaMissing(_REMEDY)
        made.rename(target)


def _must(command: list[str], **environment: str) -> str:
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise OpaMissing(f"`{' '.join(command)}` failed. {_REMEDY}\n{done.stderr}")
    return done.stdout


def _docker_answers() -> bool:
    try:
        asked = subprocess.run(["docker", "version"], capture_output=True, timeout=10, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


@contextmanager
def _container(*more: str) -> Iterator[str]:
    from testcontainers.core.container import DockerContainer

    options = ["--addr=0.0.0.0:8181", "--log-level=error", "--skip-version-check", *more]
    command = ["run", "--server", *options]
    with DockerContainer(_IMAGE).with_command(command).with_exposed_ports(8181) as container:
        url = f"http://{container.get_container_host_ip()}:{container.get_exposed_port(8181)}"
        _wait_until_healthy(url)
        yield url


@contextmanager
def _process(*more: str) -> Iterator[str]:
    address = f"127.0.0.1:{_free_port()}"
    options = [f"--addr={address}", "--log-level=error", "--skip-version-check", *more]
    with subprocess.Popen([binary(), "run", "--server", *options]) as server:
        try:
            _wait_until_healthy(f"http://{address}")
            yield f"http://{address}"
        finally:
            server.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_healthy(url: str, *, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2):
                return
        except (URLError, OSError) as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"OPA at {url} did not become healthy") from error
            time.sleep(0.05)


if __name__ == "__main__":
    try:
        print(binary())
    except OpaMissing as missing:
        raise SystemExit(str(missing)) from None
