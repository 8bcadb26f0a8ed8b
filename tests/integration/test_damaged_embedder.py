"""An embedding model that is not what was exported stops the start: other vectors would find other passages."""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from copilot.app import build
from copilot.settings import Settings
from policy.errors import Misconfigured
from retrieval.embedding import load
from retrieval.embedding_export import EXPORTED, MODEL
from tests.integration.models import exported

pytestmark = pytest.mark.anyio


def _flip(file: Path) -> None:
    """One bit in the middle of the weights: the model loads and gives other vectors."""
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        byte = opened.read(1)[0]
        opened.seek(-1, 1)
        opened.write(bytes([byte ^ 1]))


def _truncate(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)


DAMAGES: Mapping[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "truncated": _truncate,
    "one bit flipped": _flip,
    "empty": lambda file: file.write_bytes(b""),
    "garbage": lambda file: file.write_bytes(b"\x00garbage\xff" * 1000),
}


@pytest.fixture
def models(models_dir: Path, tmp_path: Path) -> Path:
    """A copy of the exported model."""
    whole = exported(models_dir)
    shutil.copytree(whole, tmp_path / "models" / whole.name)
    for file in (tmp_path / "models" / whole.name).iterdir():
        file.chmod(0o644)  # an export is for nobody to write to
    return tmp_path / "models"


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", EXPORTED[MODEL])
@pytest.mark.timed
async def test_a_damaged_model_stops_the_start_and_says_what_to_delete(
    settings: Settings, models: Path, file: str, damage: str
) -> None:
    folder = _exported(models)
    DAMAGES[damage](folder / file)
    began = time.monotonic()
    with pytest.raises(Misconfigured, match="damaged; delete the folder") as caught:
        async with build(replace(settings, models_dir=models)):
            pytest.fail("it started")
    assert str(folder) in caught.value.message
    assert time.monotonic() - began < 2


def test_checksums_that_are_gone_or_nonsense_are_damage(models: Path) -> None:
    folder = _exported(models)
    for content in (b"", b"\xff\xfe", b"0  model.onnx\n"):
        (folder / "SHA256SUMS").write_bytes(content)
        with pytest.raises(Misconfigured, match="damaged"):
            load(models)
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(Misconfigured, match="damaged"):
        load(models)


def _exported(models: Path) -> Path:
    [folder] = models.iterdir()
    return folder


def test_a_folder_that_cannot_be_written_is_named_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file stands where the folder should")
    with pytest.raises(Misconfigured, match="COPILOT_MODELS_DIR"):
        load(tmp_path / "models")
