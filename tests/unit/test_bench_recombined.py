"""A large corpus for benches is made cheaply, and holds what the product's own preparation would give."""

import random
from dataclasses import replace

import numpy as np
import pytest

from copilot.bench import recombined as module
from copilot.bench.recombined import base, labels
from copilot.ingest.prepare import PreparedDocument, prepare
from copilot.testing import FakeEmbedder
from retrieval.terms import Terms

pytestmark = pytest.mark.anyio

PASSAGES = [
    ("Alder Shipping", "Alder Shipping (1990) is owned by Marlow Ltd. Ivo Maric works for Marlow Ltd."),
    ("Marlow Ltd", "Marlow Ltd is a company. On 3 May 2024 Alder Shipping paid EUR 500 to Marlow Ltd."),
    ("Ivo Maric", "Ivo Maric, director of Alder Shipping, met Elsa Vance. He filed case 2024/17."),
]  # fmt: skip
TERMS = Terms()
NO_VECTOR = np.empty(0, np.float32)


async def test_a_copy_is_what_preparing_it_would_give() -> None:
    passages = await base(PASSAGES, FakeEmbedder())
    [label, *_] = next(iter(labels().values()))
    noise = module._Noise(0)
    for passage, other in zip(passages, passages[1:] + passages[:1], strict=True):
        assert passage.named, "names are marked"
        model, _ = await module._model(passage, other, random.Random(1), TERMS)
        for copy in (1, 17, 999_999):
            made = module._copied(model, f"d-{copy}", copy, label, passage, noise)
            assert module._mark(copy) in made.parts[0].part.text
            told = await prepare(made.document, module._Nothing(), TERMS)
            assert bare(made) == bare(told)
            assert [one.relations for one in made.parts[0].chunks if one.relations]


async def test_each_vector_is_near_that_of_the_passage_and_of_length_one() -> None:
    [passage, *_] = await base(PASSAGES, FakeEmbedder())
    near = module._Noise(0).around(passage.vector, 3)
    assert near.shape == (3, len(passage.vector))
    for one in near:
        assert abs(float(one @ one) - 1) < 1e-5
        assert float(one @ passage.vector) > 0.8
    assert not (near[0] == near[1]).all()


def bare(document: PreparedDocument) -> PreparedDocument:
    """Without its vectors, and with the spans of its sentences."""
    parts = [
        replace(
            part,
            chunks=tuple(
                replace(
                    chunk,
                    embedding=NO_VECTOR,
                    sentences=tuple((span, NO_VECTOR) for span, _ in chunk.sentences),
                )
                for chunk in part.chunks
            ),
        )
        for part in document.parts
    ]
    return replace(document, parts=tuple(parts))
