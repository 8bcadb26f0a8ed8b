"""The keys that sign the log: configured, or made once and kept in the data directory."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from copilot.ledger.proofs.keys import Signer
from copilot.settings import Settings
from policy.errors import BadInput, Misconfigured

FILE = "ledger.key"
_MODE = 0o600


def signers(settings: Settings) -> tuple[Signer, ...]:
    """One key, or the old one and the new one while keys change; the name of a key is the origin of the log.

    Misconfigured where COPILOT_LEDGER_KEY, or the file in the data directory, holds no such keys.
    """
    if settings.ledger_key is not None:
        return read(settings.ledger_key, "COPILOT_LEDGER_KEY")
    path = settings.data_dir / FILE
    with suppress(FileNotFoundError):
        return read(_text(path), str(path))
    _make(path)
    return read(_text(path), str(path))


def read(text: str, where: str) -> tuple[Signer, ...]:
    """Keys separated by white space, all of one name; nothing of them shows in the error."""
    try:
        found = tuple(Signer.parse(one) for one in text.split())
    except BadInput as error:
        raise Misconfigured(
            f"{where}: {error.message}; make one with `copilot ledger key`"
        ) from None
    if not 1 <= len(found) <= 2:
        raise Misconfigured(f"{where} holds {len(found)} keys: one, or the old and the new one")
    if len({one.name for one in found}) != 1:
        raise Misconfigured(f"the keys of {where} bear two names: that of the log is one")
    return found


def _make(path: Path) -> None:
    """Whoever comes first makes it; a key half written is never seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    signer = Signer.generate(f"copilot.local/{secrets.token_hex(6)}")
    own = path.with_name(f".{FILE}.{secrets.token_hex(6)}")
    descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(signer.secret() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(own, path)
    finally:
        own.unlink()


def _text(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise Misconfigured(f"{path} can be read by others: chmod 600 {path}")
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"cannot read the key of the ledger in {path}") from error
