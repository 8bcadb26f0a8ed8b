"""Several embedding models: the built-in ones, and an operator's own in a folder."""

import asyncio
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from policy.errors import Misconfigured
from retrieval.embedding import DIMENSION, OnnxEmbedder, load
from retrieval.embedding_card import CARD_FILE, MODEL_FILE
from retrieval.embedding_export import QUANTISED, QUESTION_FILE
from tests.integration.models import exported, own_model

pytestmark = pytest.mark.anyio

TEXTS = ["The tanker berthed at Kestrel Quay.", "Who pays Daniel Ferro?", "", "word " * 900]


async def test_the_quantised_variant_is_another_model_with_vectors_close_by(
    models_dir: Path,
) -> None:
    exact, quantised = load(models_dir), load(models_dir, QUANTISED)
    assert quantised.model.sha256 != exact.model.sha256
    close = (await exact.embed(TEXTS) * await quantised.embed(TEXTS)).sum(axis=1)
    assert (close > 0.97).all()
    assert (close < 0.9999).any()


async def test_a_quantised_vector_depends_on_its_text_alone(models_dir: Path) -> None:
    embedder = load(models_dir, QUANTISED)
    alone = np.concatenate([await embedder.embed([text]) for text in TEXTS])
    assert (await embedder.embed(TEXTS * 3))[-len(TEXTS) :].tobytes() == alone.tobytes()
    assert (await embedder.embed(TEXTS[::-1]))[::-1].tobytes() == alone.tobytes()


async def test_a_question_is_embedded_about_like_a_passage_and_by_itself(models_dir: Path) -> None:
    embedder, again = load(models_dir), load(models_dir)
    exact = await embedder.embed(TEXTS)
    alone = [await embedder.embed_question(text) for text in TEXTS]
    close = (np.stack(alone) * exact).sum(axis=1)
    assert (close > 0.99).all()
    assert (close < 0.99999).any(), "by the quicker one"
    crowd = await asyncio.gather(*(again.embed_question(text) for text in TEXTS * 3))
    assert [one.tobytes() for one in crowd] == [one.tobytes() for one in alone * 3]


async def test_a_model_of_ones_own_asks_as_it_embeds_passages(
    models_dir: Path, tmp_path: Path
) -> None:
    mine = own_model(models_dir, tmp_path)
    (mine / QUESTION_FILE).symlink_to(exported(models_dir) / QUESTION_FILE)
    embedder = load(models_dir, str(mine))
    [passage] = await embedder.embed(TEXTS[1:2])
    assert (await embedder.embed_question(TEXTS[1])).tobytes() == passage.tobytes()


@pytest.mark.parametrize("fault", ["gives other vectors", "does not run"])
async def test_what_would_mislead_questions_here_is_not_asked(
    models_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    """As where a processor rounds products of eight bits off, or lacks them."""
    folder, questions = exported(models_dir), tmp_path / QUESTION_FILE
    if fault == "does not run":
        questions.write_bytes(b"nonsense")
    else:
        _other_words(folder / MODEL_FILE, questions)
    embedder = OnnxEmbedder(folder, questions)
    [passage] = await embedder.embed(TEXTS[1:2])
    assert (await embedder.embed_question(TEXTS[1])).tobytes() == passage.tobytes()
    assert fault in caplog.text


async def test_the_quicker_questions_are_asked_here(models_dir: Path) -> None:
    """Else this machine would measure another product."""
    embedder = load(models_dir)
    assert embedder._questions is not embedder._passages
    assert embedder._alike(embedder._questions) > 0.995


def _other_words(model: Path, file: Path) -> None:
    """The same model, for which each word means its opposite."""
    from onnx import load, numpy_helper, save

    other = load(model)
    [words] = [one for one in other.graph.initializer if "word_embeddings" in one.name]
    words.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(words), words.name))
    save(other, file)


async def test_a_model_of_ones_own_is_cut_to_its_dimension_and_gets_its_prefixes(
    models_dir: Path, tmp_path: Path
) -> None:
    mine = own_model(
        models_dir, tmp_path, dimension=64, passage_prefix="passage: ", question_prefix="query: "
    )
    whole, own = load(models_dir), load(models_dir, str(mine))
    assert own.model.dimension == 64
    vectors = await own.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), 64)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cut = (await whole.embed([f"passage: {text}" for text in TEXTS]))[:, :64]
    np.testing.assert_allclose(vectors, cut / np.linalg.norm(cut, axis=1, keepdims=True), atol=1e-6)
    asked = (await whole.embed(["query: who"]))[0, :64]
    np.testing.assert_allclose(
        await own.embed_question("who"), asked / np.linalg.norm(asked), atol=1e-6
    )


@pytest.mark.parametrize("pooling", ["mean", "cls"])
async def test_vectors_of_tokens_are_pooled_as_the_card_says(
    models_dir: Path, tmp_path: Path, pooling: str
) -> None:
    """The model of this test gives each token its number, twice over, in two coordinates."""
    mine = own_model(models_dir, tmp_path, dimension=2, pooling=pooling)
    (mine / MODEL_FILE).unlink()
    _numbers_of_tokens(mine / MODEL_FILE)
    embedder = OnnxEmbedder(mine)
    ids = embedder._tokenizer.encode("a tanker berthed").ids
    first = np.array([np.mean(ids) if pooling == "mean" else ids[0], 1])
    [vector] = await embedder.embed(["a tanker berthed"])
    np.testing.assert_allclose(vector, first / np.linalg.norm(first), rtol=1e-5)


def _numbers_of_tokens(file: Path) -> None:
    from onnx import TensorProto, helper, save

    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["input_ids"], ["numbers"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["numbers", "last"], ["column"]),
            helper.make_node("Div", ["column", "column"], ["ones"]),
            helper.make_node("Concat", ["column", "ones"], ["states"], axis=2),
        ],
        "numbers",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "n"])],
        [helper.make_tensor_value_info("states", TensorProto.FLOAT, [1, "n", 2])],
        [helper.make_tensor("last", TensorProto.INT64, [1], [2])],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), file)


def test_a_name_that_nobody_knows_is_refused_with_those_that_are(models_dir: Path) -> None:
    with pytest.raises(Misconfigured, match=r"COPILOT_EMBEDDING_MODEL must be all-MiniLM-L6-v2 or"):
        load(models_dir, "all-MiniLM-L12-v2")


def test_a_folder_that_lacks_something_or_holds_nonsense_is_named(
    models_dir: Path, tmp_path: Path
) -> None:
    mine = own_model(models_dir, tmp_path)
    (mine / MODEL_FILE).unlink()
    (mine / MODEL_FILE).write_bytes(b"nonsense")
    with pytest.raises(Misconfigured, match="cannot be read"):
        load(models_dir, str(mine))
    (mine / MODEL_FILE).unlink()
    with pytest.raises(Misconfigured, match=r"lacks model\.onnx"):
        load(models_dir, str(mine))
    with pytest.raises(Misconfigured, match="lacks model"):
        load(models_dir, str(tmp_path))


async def test_a_model_that_gives_too_few_numbers_is_refused_at_the_start(
    models_dir: Path, tmp_path: Path
) -> None:
    mine = own_model(models_dir, tmp_path, dimension=DIMENSION + 1)
    with pytest.raises(Misconfigured, match="gives vectors of 384"):
        load(models_dir, str(mine))


def test_what_a_copy_says_of_its_weights_is_believed_of_built_in_models_alone(
    models_dir: Path, tmp_path: Path
) -> None:
    mine = own_model(models_dir, tmp_path)
    card = json.loads((mine / CARD_FILE).read_text())
    built_in = load(models_dir).model
    other = tmp_path / "other"
    shutil.copytree(mine, other)
    card["weights_sha256"] = (
        "all-MiniLM-L6-v2:53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    )
    (other / CARD_FILE).write_text(json.dumps(card))
    with pytest.raises(Misconfigured, match="weights_sha256"):
        load(models_dir, str(other))
    assert load(models_dir, str(mine)).model != built_in
