"""Embeddings: an ONNX model, one text at a time so that a vector depends on its text alone."""

import asyncio
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from policy.errors import Misconfigured
from retrieval import embedding_export
from retrieval.embedding_card import FILES, MODEL_FILE, TOKENIZER_FILE, Card, Pooling, sha256
from retrieval.embedding_export import (
    BUILT_IN,
    EXPORTED,
    MODEL,
    QUESTION_FILE,
    SUMS,
    WEIGHTS_SHA256,
)
from retrieval.heap import give_back

_log = logging.getLogger(__name__)
DIMENSION = BUILT_IN[MODEL].dimension
"""Of the built-in models."""
_LAYOUT = 4
"""Of the folder of an export; another number is another folder."""
_TRIALS = (
    "Which company owned the ship that called at the port, and who was its director in 2019?",
    "How much was paid?",
    "List everybody who met the accountant's brother before the transfer of 12,400 euros from Zürich.",
)
_ALIKE = 0.99
"""Cosine of a question's two vectors at the least; some processors round products of eight bits off."""

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Whose vectors they are. Those of two models are never compared, nor kept under one name."""

    name: str
    dimension: int
    sha256: str
    """Of all that decides a passage's vector: weights, tokenizer and how they are used."""

    def __str__(self) -> str:
        return f"{self.name} ({self.dimension} dimensions, {self.sha256[:12]})"


class PassageEmbedder(Protocol):
    """Turns passages into unit vectors."""

    @property
    def model(self) -> Model: ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), model.dimension), each row of length 1 and determined by its text alone."""


class Embedder(PassageEmbedder, Protocol):
    """Turns questions into vectors as well, to be compared with those of the same model's passages."""

    async def embed_question(self, text: str) -> Vectors:
        """Shape (model.dimension,), of length 1 and determined by the text alone."""


class OnnxEmbedder:
    """A model's folder, whose files the caller has made sure of. Nothing here imports torch.

    Each text is run alone and on one thread: batching or splitting a sum over threads would let a row's
    last bits depend on its neighbours. Parallelism comes from running several texts side by side.
    """

    def __init__(self, folder: Path, questions: Path | None = None) -> None:
        """`questions` is another file for these alone, which gives about the same vectors sooner."""
        from tokenizers import Tokenizer

        self._card = Card.read(folder)
        self.model = Model(
            name=self._card.name,
            dimension=self._card.dimension,
            sha256=self._card.identity(folder),
        )
        self._tokenizer: Any = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self._card.max_tokens)
        self._passages = _opened(folder / MODEL_FILE)
        self._questions = self._quicker(questions) if questions else self._passages
        give_back()
        self._threads = ThreadPoolExecutor(
            max_workers=os.cpu_count() or 1, thread_name_prefix="embed"
        )

    async def embed(self, texts: Sequence[str]) -> Vectors:
        rows = [self._embedded(self._card.passage_prefix + text, self._passages) for text in texts]
        if not rows:
            return np.empty((0, self.model.dimension), np.float32)
        return np.stack(await asyncio.gather(*rows))

    async def embed_question(self, text: str) -> Vectors:
        return await self._embedded(self._card.question_prefix + text, self._questions)

    def _quicker(self, file: Path) -> Any:
        """What embeds questions: the file, where it runs here and gives about the same vectors."""
        try:
            quick = _opened(file)
            if self._alike(quick) >= _ALIKE:
                return quick
            why = "gives other vectors"
        except Exception as error:  # noqa: BLE001  the library raises what it likes
            why = f"does not run ({type(error).__name__})"
        _log.warning("%s %s on this processor: questions take longer", file, why)
        return self._passages

    def _alike(self, quick: Any) -> float:
        """The least cosine of some questions' two vectors."""
        texts = [self._card.question_prefix + one for one in _TRIALS]
        return min(float(self._row(one, quick) @ self._row(one, self._passages)) for one in texts)

    async def _embedded(self, text: str, session: Any) -> Vectors:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._row, text, session)

    def _row(self, text: str, session: Any) -> Vectors:
        ids = np.array([self._tokenizer.encode(text).ids], np.int64)
        given = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        wanted = {one.name: given[one.name] for one in session.get_inputs() if one.name in given}
        found = session.run(None, wanted)[0][0]
        return _unit(_pooled(found, self._card.pooling)[: self._card.dimension])

    def trial(self) -> int:
        """How many numbers a vector has, by embedding something."""
        return len(self._row(_TRIALS[0], self._passages))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def load(models: Path, name: str = MODEL) -> OnnxEmbedder:
    """The embedder of a built-in model, whose export lies under `models`, or of the folder that `name` names.

    A built-in one is exported first where it is missing (seconds, once). Misconfigured where an export is
    damaged or cannot be made, and where the folder does not hold a model.
    """
    if name not in BUILT_IN:
        return _own(Path(name))
    folder = models / f"{name}-{WEIGHTS_SHA256[:12]}-{_LAYOUT}"
    if not folder.exists():
        _export_into(folder, BUILT_IN[name])
    _verify(folder, name)
    return OnnxEmbedder(folder, folder / QUESTION_FILE if QUESTION_FILE in EXPORTED[name] else None)


def find(models: Path, model: Model) -> OnnxEmbedder:
    """The embedder of a model that lies under `models`; Misconfigured where none does."""
    folder = kept(models, model)
    if model.name not in BUILT_IN and not folder.is_dir():
        raise Misconfigured(
            f"the stored vectors are of {model}, which is not here: put its folder at {folder},"
            " or set COPILOT_EMBEDDING_MODEL to where it lies"
        )
    return load(models, model.name if model.name in BUILT_IN else str(folder))


def kept(models: Path, model: Model) -> Path:
    """Where a model that is not built in lies under `models`."""
    return models / f"own-{model.sha256[:12]}"


def _own(folder: Path) -> OnnxEmbedder:
    if not folder.is_dir():
        raise Misconfigured(
            f"there is no embedding model {str(folder)!r}: COPILOT_EMBEDDING_MODEL must be "
            f"{' or '.join(BUILT_IN)}, or a folder with {', '.join(FILES)}"
        )
    if lacking := [one for one in FILES if not (folder / one).is_file()]:
        raise Misconfigured(f"{folder} is no embedding model: it lacks {', '.join(lacking)}")
    if Card.read(folder).weights_sha256:
        raise Misconfigured(f"{folder}: weights_sha256 is for the built-in models; leave it out")
    try:
        embedder = OnnxEmbedder(folder)
        found = embedder.trial()
    except Exception as error:  # both libraries raise what they like
        raise Misconfigured(
            f"the embedding model in {folder} cannot be read ({type(error).__name__}): {error}"
        ) from error
    if found != embedder.model.dimension:
        raise Misconfigured(
            f"the embedding model in {folder} gives vectors of {found} numbers only"
        )
    return embedder


def _export_into(folder: Path, card: Card) -> None:
    try:
        embedding_export.export(folder, card)
    except OSError as error:
        raise Misconfigured(
            f"cannot export {card.name} to {folder} ({error.strerror or type(error).__name__}); "
            "see COPILOT_MODELS_DIR, and that the package of the model is whole"
        ) from error


def _verify(folder: Path, name: str) -> None:
    """Misconfigured unless each file is what was exported: other bytes would find other passages."""
    try:
        sums = (folder / SUMS).read_text("ascii").splitlines()
        found = [f"{sha256(folder / one)}  {one}" for one in EXPORTED[name]]
    except (OSError, ValueError) as error:
        raise _damaged(folder) from error
    if sums != found:
        raise _damaged(folder)


def _damaged(folder: Path) -> Misconfigured:
    return Misconfigured(
        f"the exported model in {folder} is damaged; delete the folder and start again: "
        "it is exported anew"
    )


def _pooled(found: Vectors, pooling: Pooling) -> Vectors:
    match pooling:
        case Pooling.MEAN:
            mean: Vectors = found.mean(axis=0, dtype=np.float32)
            return mean
        case Pooling.CLS:
            first: Vectors = found[0]
            return first
        case Pooling.DONE:
            return found


def _unit(vector: Vectors) -> Vectors:
    """Of length one; as it is where it is that already, so that what the model gives keeps its bits."""
    length = np.float32(np.linalg.norm(vector.astype(np.float64)))
    return vector if abs(length - 1) < 1e-6 or not length else vector / length


def _opened(file: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Without it processors that lack VNNI round sums of eight-bit products off, and give other vectors.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
