"""Where checkpoints are published outside of the database: folders, object stores, witnesses."""

import asyncio
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit, urlunsplit

import httpx2

from copilot.ledger.proofs.checkpoint import Checkpoint
from copilot.ledger.proofs.keys import SignatureType, VerifierKey, encode_base64
from copilot.ledger.proofs.merkle import verify_consistency
from copilot.ledger.proofs.note import Note, Signature
from copilot.ledger.s3 import Credentials
from policy.errors import BadInput, Misconfigured, Unavailable

_TIMEOUT_S = 10.0
_MOST_BYTES = 64_000
"""Of an answer; a witness says a line or two."""
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_CONFLICT = 409
_NOT_GIVEN = frozenset([403, 404, 405])
"""Nothing lies there; or whoever may write may not read, as with some stores."""
NEWEST = "checkpoint"


class Proof(Protocol):
    """Proves that the log of the second size continues that of the first."""

    async def __call__(self, first: int, second: int) -> Sequence[bytes]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A checkpoint that is to be known elsewhere."""

    size: int
    note: bytes
    known: int
    """The size that the destination took last; 0 for none."""
    proof: Proof


class Destination(Protocol):
    """Raises Unavailable where it does not take the checkpoint; what it has taken already it takes again."""

    @property
    def name(self) -> str:
        """What it is called in logs and in the database: without anything secret."""

    async def put(self, one: Published) -> list[str]:
        """Gives the cosignatures, where it signs."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Each checkpoint as a file that bears its size, and the newest as `checkpoint`, which the next must continue."""

    path: Path

    @property
    def name(self) -> str:
        return f"file://{self.path}"

    async def put(self, one: Published) -> list[str]:
        try:
            await _require_continuing(self.name, one, await asyncio.to_thread(self._newest))
            await asyncio.to_thread(self._put, one)
        except OSError as error:
            raise Unavailable("ledger", f"{self.name}: {error.strerror}") from error
        return []

    def _newest(self) -> bytes | None:
        file = self.path / NEWEST
        return file.read_bytes()[:_MOST_BYTES] if file.exists() else None

    def _put(self, one: Published) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        for name in (f"{one.size:020}", NEWEST):
            own = self.path / f".{name}.{secrets.token_hex(6)}"
            with own.open("xb") as file:
                file.write(one.note)
                file.flush()
                os.fsync(file.fileno())
            own.replace(self.path / name)


@dataclass(frozen=True, slots=True)
class Store:
    """An object store that takes PUT: the same two names below a URL. What it gives back by GET must be continued."""

    url: str
    credentials: Credentials | None = None
    """With which requests are signed, where the store speaks S3 and wants that."""

    @property
    def name(self) -> str:
        return f"{'s3+' if self.credentials else ''}{_without_secrets(self.url)}"

    async def put(self, one: Published) -> list[str]:
        await _require_continuing(self.name, one, await self._newest())
        for name in (f"{one.size:020}", NEWEST):
            response = await self._ask("PUT", name, one.note)
            if not response.is_success:
                raise Unavailable("ledger", f"{self.name}: answers {response.status_code}")
        return []

    async def _ask(self, method: str, name: str, body: bytes = b"") -> httpx2.Response:
        url = _below(self.url, name)
        signed = self.credentials.headers(method, url, body) if self.credentials else {}
        return await _send(self.name, method, url, body, signed)

    async def _newest(self) -> bytes | None:
        """None where there is none. A store that is just out of order may hold one all the same."""
        held = await self._ask("GET", NEWEST)
        if held.status_code in _NOT_GIVEN:
            return None
        if not held.is_success:
            raise Unavailable("ledger", f"{self.name}: answers {held.status_code}")
        return held.content


@dataclass(frozen=True, slots=True)
class Witness:
    """Signs a checkpoint once it has seen that it continues the last one (https://c2sp.org/tlog-witness)."""

    url: str
    key: VerifierKey

    @property
    def name(self) -> str:
        return f"witness+{_without_secrets(self.url)}"

    async def put(self, one: Published) -> list[str]:
        response = await self._ask(one, one.known)
        if response.status_code == _CONFLICT and _SIZE.fullmatch(response.text.strip()):
            seen = int(response.text)
            if seen > one.size:
                raise Unavailable(
                    "ledger",
                    f"{self.name}: it has seen a log of {seen}, and this one has {one.size}",
                )
            response = await self._ask(one, seen)
        if not response.is_success:
            raise Unavailable("ledger", f"{self.name}: answers {response.status_code}")
        return self._signed(one, response.text)

    async def _ask(self, one: Published, known: int) -> httpx2.Response:
        proof = await one.proof(known, one.size)
        lines = [f"old {known}", *map(encode_base64, proof), "", ""]
        body = "\n".join(lines).encode() + one.note
        return await _send(self.name, "POST", _below(self.url, "add-checkpoint"), body)

    def _signed(self, one: Published, text: str) -> list[str]:
        """The lines of its key, which must hold."""
        try:
            lines = [
                Signature.parse(line, f"line {at}") for at, line in enumerate(text.splitlines(), 1)
            ]
            own = [str(line) for line in lines if line.name == self.key.name]
            Note(text=Note.parse(one.note).text, signatures=tuple(lines)).verify([self.key])
        except BadInput as error:
            raise Unavailable("ledger", f"{self.name}: {error.message}") from error
        return own


def read(texts: Sequence[str]) -> list[Destination]:
    """From COPILOT_LEDGER_PUBLISH; Misconfigured says which one is none."""
    found = [_read(one) for one in texts]
    names = [one.name for one in found]
    if len(set(names)) != len(names):
        raise Misconfigured("COPILOT_LEDGER_PUBLISH names a destination twice")
    return found


def _read(text: str) -> Destination:
    url = urlsplit(text)
    match url.scheme:
        case "file" if not url.netloc and url.path.startswith("/"):
            return Folder(Path(url.path))
        case "http" | "https" if url.hostname:
            return Store(text)
        case "s3+http" | "s3+https" if url.hostname and url.username and url.password:
            return _s3(url)
        case "witness+http" | "witness+https" if url.hostname and url.fragment:
            plain = urlunsplit(
                url._replace(scheme=url.scheme.removeprefix("witness+"), fragment="")
            )
            return Witness(plain, _witness_key(url.fragment))
    raise Misconfigured(
        f"COPILOT_LEDGER_PUBLISH: {_without_secrets(text)!r} is none of file:///FOLDER, https://HOST/PATH, "
        "s3+https://ACCESS_KEY:SECRET_KEY@HOST/BUCKET/PATH?region=REGION and witness+https://HOST/PATH#KEY"
    )


def _s3(url: SplitResult) -> Store:
    """The keys are percent-encoded, as in any URL; without a region the bucket lies in AWS's first."""
    region = parse_qs(url.query).get("region", ["us-east-1"])[-1]
    credentials = Credentials(
        access_key=unquote(url.username or ""),
        secret_key=unquote(url.password or ""),
        region=region,
    )
    host = url.netloc.rpartition("@")[2]
    scheme = url.scheme.removeprefix("s3+")
    return Store(urlunsplit((scheme, host, url.path, "", "")), credentials)


async def _require_continuing(name: str, one: Published, held: bytes | None) -> None:
    """Unavailable unless it continues the checkpoint that lies there: neither a fork nor a log put back replaces it."""
    if held is None:
        return
    try:
        before = Checkpoint.parse(Note.parse(held).text)
        after = Checkpoint.parse(Note.parse(one.note).text)
    except BadInput as error:
        raise Unavailable("ledger", f"{name}: what lies there is no checkpoint") from error
    if before.size > after.size:
        raise Unavailable(
            "ledger", f"{name}: it holds a log of {before.size}, and this one has {after.size}"
        )
    if not verify_consistency(
        first=before.size,
        second=after.size,
        first_hash=before.root,
        second_hash=after.root,
        consistency_path=await one.proof(before.size, after.size),
    ):
        raise Unavailable(
            "ledger", f"{name}: the log of {after.size} does not continue the {before.size} there"
        )


def _below(url: str, name: str) -> str:
    """The address of that name; a query, such as a signature, stays behind it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{name}"))


def _witness_key(text: str) -> VerifierKey:
    try:
        key = VerifierKey.parse(text)
    except BadInput as error:
        raise Misconfigured(f"COPILOT_LEDGER_PUBLISH: {error.message}") from error
    if key.type is not SignatureType.COSIGNATURE:
        raise Misconfigured(f"COPILOT_LEDGER_PUBLISH: {key.label} is no key of a witness")
    return key


def _without_secrets(text: str) -> str:
    """Without what may let somebody in: the user, the query and the fragment."""
    url = urlsplit(text)
    return urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, "", ""))


async def _send(
    name: str, method: str, url: str, body: bytes, signed: Mapping[str, str] = MappingProxyType({})
) -> httpx2.Response:
    headers = {"Content-Type": "text/plain", **signed} if body else signed
    try:
        async with httpx2.AsyncClient(timeout=_TIMEOUT_S) as client:
            response = await client.request(method, url, content=body, headers=headers)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise Unavailable("ledger", f"{name}: no answer ({type(error).__name__})") from error
    if len(response.content) > _MOST_BYTES:
        raise Unavailable("ledger", f"{name}: answers too much")
    return response
