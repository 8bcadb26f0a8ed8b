"""The card of an embedding model: what its folder says of how its ONNX file is used."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from policy.errors import Misconfigured

MODEL_FILE = "model.onnx"
"""Inputs `input_ids` and, where it wants them, `attention_mask` and `token_type_ids`, all of (1, tokens); the
first output is (1, tokens, n), or (1, n) where it pools by itself."""
TOKENIZER_FILE = "tokenizer.json"
CARD_FILE = "card.json"
FILES = (MODEL_FILE, TOKENIZER_FILE, CARD_FILE)


class Pooling(StrEnum):
    """How the vectors of tokens become one."""

    MEAN = "mean"
    CLS = "cls"
    DONE = "done"
    """By the ONNX file itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """How a model is used. `weights_sha256` is of what the ONNX file was made from; without it, of that file."""

    name: str
    dimension: int
    """Longer vectors are cut, for models that were trained for it."""
    max_tokens: int
    """Of a text; what goes beyond is left out."""
    pooling: Pooling
    question_prefix: str = ""
    passage_prefix: str = ""
    weights_sha256: str = ""

    @classmethod
    def read(cls, folder: Path) -> "Card":
        """The card in the folder; Misconfigured says what is wrong with it."""
        file = folder / CARD_FILE
        try:
            value = json.loads(file.read_text("utf-8"))
        except OSError as error:
            raise Misconfigured(
                f"{folder} is no embedding model: cannot read {file.name} ({error.strerror}); "
                f"it must hold {', '.join(FILES)}"
            ) from error
        except ValueError as error:
            raise Misconfigured(f"{file} is not JSON: {error}") from error
        return cls.from_json(value, where=str(file))

    @classmethod
    def from_json(cls, value: object, *, where: str) -> "Card":
        known = {one.name: one for one in fields(cls)}
        if not isinstance(value, dict) or not value.keys() <= known.keys():
            raise Misconfigured(f"{where} must be an object with no other keys than {[*known]}")
        for name in ("dimension", "max_tokens"):
            if type(value.get(name)) is not int or not 1 <= value[name] <= _MOST[name]:
                raise Misconfigured(f"{where}: {name} must be a number from 1 to {_MOST[name]}")
        if value.get("pooling") not in list(Pooling):
            raise Misconfigured(f"{where}: pooling must be one of {[str(one) for one in Pooling]}")
        texts = {name: value.get(name, "") for name in known.keys() - {*_MOST, "pooling"}}
        if wrong := sorted(name for name, text in texts.items() if not isinstance(text, str)):
            raise Misconfigured(f"{where}: {wrong[0]} must be a text")
        if not texts["name"].strip():
            raise Misconfigured(f"{where}: the model has no name")
        return cls(**{**value, "pooling": Pooling(value["pooling"])})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def write(self, folder: Path) -> None:
        """Puts the card into the folder."""
        text = json.dumps(self.to_json(), indent=2, sort_keys=True)
        (folder / CARD_FILE).write_text(text + "\n", "utf-8")

    def identity(self, folder: Path) -> str:
        """SHA-256 (hex) of all that decides a passage's vector; how a question is asked does not."""
        decisive = self.to_json() | {
            "tokenizer_sha256": sha256(folder / TOKENIZER_FILE),
            "weights_sha256": self.weights_sha256 or sha256(folder / MODEL_FILE),
        }
        del decisive["name"], decisive["question_prefix"]
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


_MOST = {"dimension": 1536, "max_tokens": 8192}
"""A passage's vector lies in one page of 8 kB with the passage."""


def sha256(file: Path) -> str:
    """The hex digest of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
