"""Data with single bits flipped."""

from collections.abc import Iterator


def each_bit_flipped(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each bit in turn: in which byte it is, and the data with it flipped."""
    for bit in range(len(data) * 8):
        yield bit // 8, flipped(data, bit)


def flipped(data: bytes, bit: int) -> bytes:
    """With the bit flipped, counted from the first byte's lowest."""
    return (int.from_bytes(data, "little") ^ 1 << bit).to_bytes(len(data), "little")
