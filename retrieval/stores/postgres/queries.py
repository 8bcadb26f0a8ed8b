"""Named SQL blocks: `-- name: x` begins a block; `{labels}` in it is the literal list of label ids."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files

from psycopg import sql

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


class Queries:
    """The blocks of one `.sql` file that lies beside a module."""

    def __init__(self, package: str, file: str) -> None:
        text = files(package).joinpath(file).read_text("utf-8")
        _, *pieces = _NAME.split(text)
        self._blocks: Mapping[str, str] = dict(zip(pieces[::2], pieces[1::2], strict=True))

    def __getitem__(self, name: str) -> sql.SQL:
        return sql.SQL(self._blocks[name])

    def scoped(self, name: str, label_ids: Iterable[int]) -> bytes:
        """The block with the scope's labels as a literal: a parameter would hide them from the planner."""
        return self._blocks[name].replace("{labels}", _literal(tuple(label_ids))).encode()


@lru_cache(maxsize=64)
def _literal(label_ids: tuple[int, ...]) -> str:
    """Integers and nothing else, whatever was given. Kept, since a thousand labels take a while to write."""
    return f"ARRAY[{','.join(str(int(label_id)) for label_id in label_ids)}]::int[]"
