"""Weights in eight bits: a quarter of the room, and quicker to multiply with. Part of the export."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BLOCK = 128
"""Weights of a column that share a scale."""
_INTEGERS = 4
"""What onnxruntime calls the accuracy of products that are summed in integers."""


def by_channel(exact: Path, target: Path) -> None:
    """Products with a scale for each column, and one for all of a text. Cosines to the exact are about 0.995."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quietly():
        quantize_dynamic(
            exact,
            target,
            per_channel=True,
            op_types_to_quantize=["MatMul"],
            weight_type=QuantType.QInt8,
        )


def in_blocks(exact: Path, target: Path) -> None:
    """Products with a scale for each block, and the table of words in eight bits. Cosines are about 0.9988."""
    with _quietly():  # the import itself speaks up
        from onnxruntime.quantization import QuantType, quantize_dynamic
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    with _quietly(), tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        blocks = MatMulNBitsQuantizer(
            str(exact),
            bits=8,
            block_size=_BLOCK,
            is_symmetric=True,
            accuracy_level=_INTEGERS,
        )
        blocks.process()
        between = Path(scratch) / "blocks.onnx"
        blocks.model.save_model_to_file(str(between), False)
        quantize_dynamic(
            between, target, op_types_to_quantize=["Gather"], weight_type=QuantType.QInt8
        )


@contextmanager
def _quietly() -> Iterator[None]:
    """They recommend, by way of the root logger, what torch did already, tell of every step, and give it a handler."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
        for added in [one for one in root.handlers if one not in handlers]:
            root.removeHandler(added)
