"""Embedding models for tests: real ones, made of the built-in one."""

import json
import os
from pathlib import Path

from retrieval.embedding import load
from retrieval.embedding_card import CARD_FILE, FILES, MODEL_FILE
from retrieval.embedding_export import MODEL


def exported(models: Path) -> Path:
    """The folder of the built-in model."""
    load(models).close()
    [card] = models.glob(f"{MODEL}-[0-9a-f]*-4/{CARD_FILE}")
    return card.parent


def own_model(models: Path, into: Path, **said: object) -> Path:
    """A folder with the built-in model as an operator's own, under a card that says so much else."""
    folder = into / "mine"
    folder.mkdir()
    for name in FILES:
        (folder / name).symlink_to(exported(models) / name)
    (folder / MODEL_FILE).unlink()
    (folder / MODEL_FILE).symlink_to(_in_one_file(models))
    card = json.loads((folder / CARD_FILE).read_text("utf-8"))
    card |= {"name": "mine", "weights_sha256": ""} | said
    (folder / CARD_FILE).unlink()
    (folder / CARD_FILE).write_text(json.dumps(card), "utf-8")
    return folder


def _in_one_file(models: Path) -> Path:
    """The built-in model as an operator's own is."""
    import onnx

    file = models / "whole.onnx"
    if not file.exists():
        new = file.with_suffix(f".{os.getpid()}")
        onnx.save(onnx.load(exported(models) / MODEL_FILE), new)
        new.rename(file)
    return file
