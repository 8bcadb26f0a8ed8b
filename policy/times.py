"""Instants: policy compares whole seconds since the epoch, and people write ISO 8601."""

from datetime import UTC, datetime

from policy.errors import BadInput


def instant(value: object, what: str) -> int | None:
    """Seconds since the epoch of a number or of an ISO 8601 text; a date without a time begins in UTC."""
    match value:
        case None:
            return None
        case int() if not isinstance(value, bool):
            return value
        case str():
            return _parsed(value, what)
        case _:
            raise BadInput(f"{what} must be seconds since 1970 or an ISO 8601 time, not {value!r}")


def _parsed(text: str, what: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{what} must be an ISO 8601 time, not {text!r}") from error
    if moment.microsecond:
        raise BadInput(f"{what} must be a whole second, not {text!r}")
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
