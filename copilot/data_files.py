"""Where the data folders lie: beside the packages in a checkout, under `copilot/_data` in a wheel."""

from pathlib import Path
from typing import Literal

from policy.errors import Misconfigured

_PACKAGE = Path(__file__).resolve().parent


def folder(name: Literal["prompts", "migrations", "graphql"], package: Path = _PACKAGE) -> Path:
    """The data folder; Misconfigured where the installation lacks it."""
    # The wheel's own copy goes first: another distribution may own a top-level `prompts`.
    for path in (package / "_data" / name, package.parent / name):
        if path.is_dir():
            return path
    raise Misconfigured(f"this installation lacks its folder {name!r}; install the program again")
