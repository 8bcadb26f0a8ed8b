"""The key of the log: made once, readable by its owner alone, and never silently another."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from copilot.ledger.keys import FILE, signers
from copilot.ledger.proofs.keys import Signer
from copilot.settings import Settings
from policy.errors import Misconfigured

OLD = Signer(name="example.com/log", seed=b"o" * 32)
NEW = Signer(name="example.com/log", seed=b"n" * 32)
STRANGE = Signer(name="example.com/other", seed=b"s" * 32)


def configured(*keys: Signer, text: str | None = None) -> Settings:
    return Settings(ledger_key=text if text is not None else " ".join(one.secret() for one in keys))


def test_without_a_configured_key_one_is_made_once(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: signers(settings), range(32)))
    assert len(found) == 1
    [file] = (tmp_path / "data").iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == (FILE, 0o600)


def test_two_installations_have_two_keys(tmp_path: Path) -> None:
    one, two = (signers(Settings(data_dir=tmp_path / name))[0] for name in "ab")
    assert one.name != two.name
    assert one.seed != two.seed


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    signers(settings)
    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(Misconfigured, match="chmod 600"):
        signers(settings)


def test_configured_keys_are_taken_in_their_order(tmp_path: Path) -> None:
    settings = replace(configured(OLD, NEW), data_dir=tmp_path)
    assert signers(settings) == (OLD, NEW)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (configured(text="sesame"), "does not begin with PRIVATE"),
        (configured(text=OLD.secret() + "x"), "base64"),
        (configured(OLD, NEW, OLD), "holds 3 keys"),
        (configured(OLD, STRANGE), "bear two names"),
    ],
)
def test_a_key_that_is_none_is_refused_without_showing_it(settings: Settings, said: str) -> None:
    with pytest.raises(Misconfigured, match=said) as raised:
        signers(settings)
    for secret in ("sesame", OLD.secret().rsplit("+", 1)[1]):
        assert secret not in raised.value.message
    assert OLD.secret() not in repr(settings)
