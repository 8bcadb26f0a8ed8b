"""A local HTTP server in a thread of its own, for model servers that a suite or a test plays itself."""

import socket
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route


@dataclass(slots=True, kw_only=True)
class LocalServer(ABC):
    """Serves on 127.0.0.1 while it is entered; `url` then says where."""

    url: str = ""
    _server: uvicorn.Server | None = None
    _thread: threading.Thread | None = None

    @abstractmethod
    def routes(self) -> list[Route]:
        """What it answers."""

    def __enter__(self) -> Self:
        listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            Starlette(routes=self.routes()),
            log_level="critical",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        assert self._thread is not None
        self._server.should_exit = True
        self._thread.join(timeout=5)
