"""Neo4j Community for the tests: a container where Docker answers, else its jars under a launcher of ours.

with neo4j.serve() as server:
    server.kill()   # as a power cut would
    server.start()  # on the same port, with the same data
"""

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

VERSION = "5.26.12"
_IMAGE = f"neo4j:{VERSION}-community"
_LAUNCHER = Path(__file__).with_name("Neo4jLauncher.java")
_REMEDY = (
    f"Neo4j {VERSION} is needed: install Java 17 or newer and Maven (Debian: apt-get install "
    "openjdk-17-jdk-headless maven), or start a Docker engine."
)
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>copilot</groupId><artifactId>neo4j-for-tests</artifactId><version>1</version>
<dependencies>{}</dependencies></project>
"""
_DEPENDENCY = (
    "<dependency><groupId>org.neo4j</groupId><artifactId>{}</artifactId>"
    f"<version>{VERSION}</version></dependency>"
)
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


class Neo4jMissing(RuntimeError):
    """Neo4j is neither here nor can it be fetched; the message says what to install."""


class Neo4jServer(Protocol):
    """A running server that can be struck down and started again."""

    password: str

    @property
    def url(self) -> str:
        """Where it listens, the same after every start."""

    def kill(self) -> None:
        """Ends it as SIGKILL does."""

    def start(self) -> None:
        """Starts it again with the data that it has, and waits until it answers."""

    def freeze(self) -> None:
        """Lets it hang: its connections stay, and nothing answers on them."""

    def thaw(self) -> None:
        """Lets it go on."""


@contextmanager
def serve() -> Iterator[Neo4jServer]:
    """An empty server with a password of its own, until the context ends."""
    with _container() if _docker_answers() else _process() as server:
        yield server


def jars() -> Path:
    """The folder of the jars, fetched once for this machine."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "copilot-tests"
    folder = cache / f"neo4j-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "lib").is_dir():
            _fetch(folder / "lib")
    return folder / "lib"


def _fetch(target: Path) -> None:
    if not shutil.which("mvn"):
        raise Neo4jMissing(f"mvn is not installed. {_REMEDY}")
    print(f"Fetching Neo4j {VERSION} (116 MB), once.", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=target.parent) as directory:
        pom, fetched = Path(directory) / "pom.xml", Path(directory) / "lib"
        pom.write_text(_POM.format("".join(map(_DEPENDENCY.format, ("neo4j", "neo4j-bolt")))))
        command = ["mvn", "--batch-mode", "--quiet", "--file", str(pom), _COPY]
        done = subprocess.run(
            [*command, f"-DoutputDirectory={fetched}", "-DincludeScope=runtime"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Neo4jMissing(
                f"Maven could not fetch Neo4j {VERSION}. {_REMEDY}\n{done.stdout}{done.stderr}"
            )
        # Only a whole folder ever bears the name.
        fetched.rename(target)


@dataclass(slots=True, kw_only=True)
class _Process:
    """The server as a process of ours; it ends with our end of its standard input, or by its id."""

    data: Path
    port: int
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"bolt://127.0.0.1:{self.port}"

    def start(self) -> None:
        if not shutil.which("java"):
            raise Neo4jMissing(f"java is not installed. {_REMEDY}")
        options = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        command = ["java", *options, "-cp", f"{jars()}/*", str(_LAUNCHER)]
        with (self.data / "launcher.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, str(self.data), str(self.port)],
                env={**os.environ, "NEO4J_TEST_PASSWORD": self.password},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._await_ready(self._process)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._gone(self._process)

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._gone(self._process)

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == b"ready":
                return
        self._gone(process)
        log = (self.data / "launcher.log").read_text(errors="replace")[-4000:]
        raise Neo4jMissing(f"Neo4j {VERSION} did not start. {_REMEDY}\n{log}")

    def _gone(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None


@contextmanager
def _process() -> Iterator[Neo4jServer]:
    with tempfile.TemporaryDirectory(prefix="copilot-neo4j-") as directory:
        server = _Process(data=Path(directory), port=_free_port())
        server.start()
        try:
            yield server
        finally:
            server.stop()


@dataclass(slots=True, kw_only=True)
class _Container:
    """The server in a container, on a port of this machine that stays the same."""

    name: str
    url: str
    password: str = field(repr=False)

    def kill(self) -> None:
        subprocess.run(["docker", "kill", self.name], check=True, capture_output=True)

    def start(self) -> None:
        subprocess.run(["docker", "start", self.name], check=True, capture_output=True)
        _wait_until_it_answers(self.url, self.password)

    def freeze(self) -> None:
        subprocess.run(["docker", "pause", self.name], check=True, capture_output=True)

    def thaw(self) -> None:
        subprocess.run(["docker", "unpause", self.name], check=True, capture_output=True)


@contextmanager
def _container() -> Iterator[Neo4jServer]:
    from testcontainers.core.container import DockerContainer

    password, port = secrets.token_urlsafe(24), _free_port()
    container = DockerContainer(_IMAGE).with_env("NEO4J_AUTH", f"neo4j/{password}")
    with container.with_bind_ports(7687, port) as running:
        url = f"bolt://{running.get_container_host_ip()}:{port}"
        _wait_until_it_answers(url, password)
        name = str(running.get_wrapped_container().id)
        yield _Container(name=name, url=url, password=password)


def _wait_until_it_answers(url: str, password: str, *, seconds: float = 90.0) -> None:
    from neo4j import GraphDatabase
    from neo4j.exceptions import DriverError, Neo4jError

    deadline = time.monotonic() + seconds
    while True:
        try:
            with GraphDatabase.driver(url, auth=("neo4j", password)) as driver:
                driver.verify_connectivity()
                return
        except (DriverError, Neo4jError, OSError) as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Neo4j at {url} does not answer") from error
            time.sleep(0.5)


def _docker_answers() -> bool:
    try:
        asked = subprocess.run(["docker", "version"], capture_output=True, timeout=10, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
