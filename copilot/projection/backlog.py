"""How far the graph in Neo4j is behind Postgres."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits, in all tenants."""

    state: str
    """Of the projection: "off", "filling" or "kept"."""
    changes: int
    """Of content."""
    seconds: float
    """Since the oldest of the changes that wait."""
    set_aside: int
    """Parts that are not there because Neo4j refuses them."""
    records: int
    """Of the log that were sealed, or archived, and nobody carried over."""
    records_seconds: float
    """Since the oldest of those that were sealed."""
