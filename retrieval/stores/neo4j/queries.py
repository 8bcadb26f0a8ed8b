"""Named Cypher blocks: `// name: x` begins a block. Values are parameters, the labels of a scope among them."""

import re
from collections.abc import Mapping
from importlib.resources import files

_NAME = re.compile(r"^// name: (\w+)\s*$", re.MULTILINE)


class Queries:
    """The blocks of one `.cypher` file that lies beside a module."""

    def __init__(self, package: str, file: str) -> None:
        text = files(package).joinpath(file).read_text("utf-8")
        _, *pieces = _NAME.split(text)
        self._blocks: Mapping[str, str] = dict(zip(pieces[::2], pieces[1::2], strict=True))

    def __getitem__(self, name: str) -> str:
        return self._blocks[name]
