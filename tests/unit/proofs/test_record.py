"""A record has one line, and a line that says the same otherwise is refused."""

import hashlib
import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.ledger.log import canonical
from copilot.ledger.proofs.merkle import hash_leaf
from copilot.ledger.proofs.record import (
    FORMS,
    LARGEST_INDEX,
    BundledRecord,
    Leaf,
    Shape,
    commitment,
    read_leaf,
    read_line,
    write_line,
)
from policy.errors import BadInput
from tests.unit.proofs.bundles import random_log, without
from tests.unit.proofs.flips import each_bit_flipped

NAMES = st.text("abc_.-XYZ09", min_size=1, max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.floats(-1e9, 1e9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
SALTS = st.binary(min_size=16, max_size=16)


def record(values: dict[str, tuple[bytes, object]], index: int = 5) -> BundledRecord:
    openings = {name: (salt, canonical(value)) for name, (salt, value) in sorted(values.items())}
    leaf = Leaf("0f" * 16, {name: commitment(one) for name, one in openings.items()})
    return BundledRecord(index, bytes(leaf), openings)


PLAIN = record({"act": (bytes(16), {"kind": "ask"}), "index": (b"\xab" * 16, {"tenant": "t"})})
LINE = write_line(PLAIN)
SHAPE = Shape(["act", "index"], 2)


@given(
    st.dictionaries(NAMES, st.tuples(SALTS, JSON), max_size=4), st.integers(0, LARGEST_INDEX - 1)
)
def test_what_is_written_is_read_again(values: dict[str, tuple[bytes, object]], index: int) -> None:
    written = record(values, index)
    line = write_line(written)
    assert read_line(line) == (written, read_leaf(written.leaf))
    assert line == canonical(json.loads(line))


@given(st.dictionaries(NAMES, st.tuples(SALTS, JSON), min_size=1, max_size=4))
def test_a_line_that_is_taken_for_plain_is_read_alike(
    values: dict[str, tuple[bytes, object]],
) -> None:
    written = record(values)
    plain = Shape(list(values), 2).read(write_line(written), 5)
    values_hold_escapes = any(b"\\" in value for _, value in written.openings.values())
    assert (plain is None) is values_hold_escapes
    if plain:
        assert plain.leaf_hash == hash_leaf(written.leaf)
        assert plain.values == {name: value for name, (_, value) in written.openings.items()}


def test_a_plain_line_with_one_bit_flipped_is_plain_no_more_or_another_leaf() -> None:
    assert SHAPE.read(LINE, 5)
    assert SHAPE.read(LINE, 6) is None
    for at, line in each_bit_flipped(LINE):
        plain = SHAPE.read(line, 5)
        assert plain is None or plain.leaf_hash != hash_leaf(PLAIN.leaf), at


def test_no_plain_line_reads_otherwise_than_json_has_it() -> None:
    """Of lines put together from others' parts, which a reader that cuts instead of parsing could take for one."""
    random, parts, shapes = Random(7), list[bytes](), list[Shape]()
    for one in random_log(random, 30).records:
        shapes.append(Shape(list(one.openings), 2))
        parts += write_line(one).replace(b'{"salt', b"\0" + b'{"salt').split(b"\0")
    for _ in range(20_000):
        line = b"".join(random.choices(parts, k=random.randint(1, 4)))
        for shape in shapes:
            if shape.read(line, 0):
                read, leaf = read_line(line)
                opened = {name: commitment(one) for name, one in read.openings.items()}
                assert opened == leaf.commitments


def test_an_escape_that_stands_for_another_value_is_not_taken_for_plain() -> None:
    """The bytes between the quotes are those that the leaf commits to; what they mean is not."""
    written = record({"index": (bytes(16), "a\nb")})
    line = write_line(written).replace(rb"\\n", rb"\n")
    assert Shape(["index"], 2).read(line, 5) is None
    read, leaf = read_line(line)
    assert commitment(read.openings["index"]) != leaf.commitments["index"]


@pytest.mark.parametrize("version", FORMS)
def test_a_leaf_is_what_the_log_hashes(version: int) -> None:
    value = {"version": version, "id": "0f" * 16, "commitments": {"b": "1" * 64, "a": "2" * 64}}
    assert bytes(read_leaf(canonical(value))) == canonical(value)


def test_a_shape_is_of_leaves_of_one_version() -> None:
    assert Shape(["act", "index"], 1).read(LINE, 5) is None


def test_an_erased_opening_leaves_its_commitment() -> None:
    read, leaf = read_line(write_line(without(PLAIN, "act")))
    assert set(read.openings) == {"index"}
    assert set(leaf.commitments) == {"act", "index"}
    assert read.leaf == PLAIN.leaf
    assert SHAPE.read(write_line(read), 5) is None


def test_scopes_and_path_are_read_again() -> None:
    labels = b'["U"]'
    scopes = {hashlib.sha256(labels).hexdigest(): labels}
    whole = PLAIN._replace(scopes=scopes, path=[bytes(32), b"\x01" * 32])
    assert read_line(write_line(whole))[0] == whole


MALFORMED = [
    (LINE + b" ", "canonical form"),
    (LINE.replace(b":5,", b": 5,"), "canonical form"),
    (LINE.replace(b'{"index":5', b'{"index":4,"index":5'), "canonical form"),
    (LINE.replace(b'"salt":"00', b'"value":"no","salt":"00'), "canonical form"),
    (LINE.replace(b"\\", b"\\u005c\\"), "not JSON|canonical form|two"),
    (LINE.replace(b"ab" * 16, b"AB" * 16), "salt of index"),
    (LINE.replace(b"00" * 16, b"00" * 15), "salt of act"),
    (LINE.replace(b":5,", b":-5,"), "index"),
    (LINE.replace(b":5,", b":5.0,"), "index"),
    (LINE.replace(b":5,", b":true,"), "index"),
    (LINE.replace(b":5,", b":9223372036854775807,"), "index"),
    (LINE.replace(b'"version":2', b'"version":3'), "unknown version"),
    (LINE.replace(b'"version":2', b'"version":true'), "unknown version"),
    (LINE.replace(b'"id":"0f', b'"id":"0F'), "id or a commitment"),
    (LINE.replace(b'"id":', b'"name":'), "members commitments, id and version"),
    (LINE.replace(b'"act":{"salt"', b'"a ct":{"salt"'), "plain name"),
    (LINE.replace(b'"salt":"00', b'"sald":"00'), "members salt and value"),
    (LINE.replace(b',"openings"', b',"opening"'), "members index, leaf, openings"),
    (LINE[:-1] + b',"path":[1]}', "path"),
    (LINE[:-1] + b',"scopes":[]}', "scopes are not an object"),
    (LINE[:-1] + b',"scopes":{}}', "canonical form"),
    (LINE[:-1] + b',"scopes":{"x":"[]"}}', "SHA-256"),
    (LINE.replace(b'"{\\"tenant\\":\\"t\\"}"', b"7"), "text of JSON"),
    (LINE.replace(b'\\"t\\"', b"\\ud800"), "not Unicode"),
    (LINE.replace(b'\\"t\\"', b"\xff"), "not JSON in UTF-8"),
    (LINE.replace(b'\\"', b'"'), "not JSON"),
    (b"[" * 100_000, "not JSON"),
    (b'{"index":' + b"9" * 5000 + b"}", "not JSON"),
    (b"", "not JSON"),
    (b"[]", "members"),
]


@pytest.mark.parametrize(("line", "why"), MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_line_is_refused_with_what_is_wrong(line: bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        read_line(line)
    assert SHAPE.read(line, 5) is None


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (PLAIN._replace(leaf=PLAIN.leaf + b" "), "leaf is not in canonical form"),
        (PLAIN._replace(leaf=b"{}"), "its leaf has not"),
        (PLAIN._replace(openings={"act": (bytes(16), b"\xff")}), "not UTF-8"),
    ],
)
def test_no_line_is_written_that_could_not_be_read(changed: BundledRecord, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        write_line(changed)


@given(st.binary() | JSON.map(canonical))
def test_garbage_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(BadInput):
        read_line(data)
    with pytest.raises(BadInput):
        read_leaf(data)
