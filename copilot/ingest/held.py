"""What is under legal hold and should go: the refusal, told to whoever may read it and to nobody else."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from policy.errors import Forbidden

HELD = "it is under legal hold: it stays as it is until an administrator releases it"


class Held(Forbidden):
    """What should go is under legal hold. Only whoever may read it comes to hear of that."""

    def __init__(self) -> None:
        super().__init__(HELD)


@contextmanager
def kept() -> Iterator[None]:
    """Raises Held where the database keeps a part that is held."""
    try:
        yield
    except (psycopg.errors.ForeignKeyViolation, psycopg.errors.RestrictViolation) as error:
        raise Held from error
