"""Who asks the large corpora of `recombined`, by what share of them their clearance shows."""

from dataclasses import replace

from copilot.bench.recombined import READER
from copilot.commands.asker import as_asker
from policy.labels import Classification
from policy.principal import Asker

ALL, TENTH = "100 %", "10 %"
SHOWN = {
    ALL: Classification.TS,
    TENTH: Classification.S,
    "1 %": Classification.C,
    "0.1 %": Classification.U,
}


def asker(shown: str) -> Asker:
    """Somebody whom the clearance shows so much."""
    return as_asker(replace(READER, clearance=SHOWN[shown]))
