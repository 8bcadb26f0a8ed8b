"""An object store and a witness of the ledger's checkpoints, over real HTTP."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from copilot.ledger.proofs.checkpoint import Checkpoint, open_checkpoint
from copilot.ledger.proofs.keys import SignatureType, Signer, VerifierKey, decode_base64
from copilot.ledger.proofs.merkle import EMPTY_ROOT, verify_consistency
from copilot.ledger.proofs.note import Signature, cosigned_message
from copilot.ledger.s3 import Credentials
from policy.errors import BadInput

_AT = 1_700_000_000
_WITNESS = Signer(name="witness.example", seed=b"w" * 32)
WITNESS_KEY = VerifierKey(
    name=_WITNESS.name,
    public_key=_WITNESS.verifier_key.public_key,
    type=SignatureType.COSIGNATURE,
)


@dataclass(slots=True)
class Outside:
    """What was put there, by path; and the last checkpoint that the witness signed."""

    log: VerifierKey
    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    seen: Checkpoint | None = None
    refuses: int | None = None
    """The status that everything gets, where it is set."""
    gives: int | None = None
    """The status that every GET gets, where it is set."""
    lies: bool = False
    """Whether the witness signs something else."""
    asked: int = 0
    credentials: Credentials | None = None
    """With which the store wants every request signed."""

    def refuses_of(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status of a request that is not signed as the store wants it; 0 for one that is."""
        if self.credentials is None:
            return 0
        at = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        fit = self.credentials.headers(method, self.url + path, body, at=at)
        return 0 if headers["authorization"] == fit["authorization"] else 403

    def cosigned(self, body: bytes) -> tuple[int, str]:
        """As https://c2sp.org/tlog-witness has it: the status and the answer."""
        head, _, note = body.partition(b"\n\n")
        old, *proof = head.decode().split("\n")
        known = int(old.removeprefix("old "))
        try:
            new = open_checkpoint(note, origin=self.log.name, keys=[self.log]).checkpoint
        except BadInput:
            return 403, ""
        last = self.seen.size if self.seen else 0
        if known != last:
            return 409, f"{last}\n"
        path = [decode_base64(one, "the proof") for one in proof]
        root = self.seen.root if self.seen else EMPTY_ROOT
        if not verify_consistency(
            first=last,
            second=new.size,
            first_hash=root,
            second_hash=new.root,
            consistency_path=path,
        ):
            return 422, ""
        self.seen = new
        return 200, f"{self._signature(str(new))}\n"

    def _signature(self, text: str) -> Signature:
        message = cosigned_message((text + " " * self.lies).encode(), _AT)
        value = _AT.to_bytes(8, "big") + _WITNESS.sign(message)
        return Signature(name=_WITNESS.name, key_id=WITNESS_KEY.key_id, value=value)


@contextmanager
def outside(log: VerifierKey) -> Iterator[Outside]:
    """Serves as long as the context."""
    state = Outside(log)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = state.objects.get(self.path)
            unsigned = state.refuses_of(
                "GET", self.path, {name.lower(): one for name, one in self.headers.items()}, b""
            )
            status = unsigned or state.refuses or state.gives or (404 if data is None else 200)
            self._answer(status, (data or b"").decode())

        def do_PUT(self) -> None:
            body = self._body()
            headers = {name.lower(): one for name, one in self.headers.items()}
            refused = state.refuses_of("PUT", self.path, headers, body) or state.refuses
            if not refused:
                state.objects[self.path] = body
            self._answer(refused or 200, "")

        def do_POST(self) -> None:
            body = self._body()
            state.asked += 1
            status, text = (state.refuses, "") if state.refuses else state.cosigned(body)
            self._answer(status, text)

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers["Content-Length"]))

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
