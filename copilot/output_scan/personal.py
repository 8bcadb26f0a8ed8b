"""Personal data, for a reader whose rights do not open it."""

import re
from collections.abc import Iterable, Iterator

from copilot.output_scan import numbers, phones
from copilot.output_scan.findings import Finding
from copilot.output_scan.persons import Persons
from copilot.output_scan.presidio import Presidio
from copilot.output_scan.view import View

_COULD_HOLD = re.compile(r"[\d@]|\bat\b|::", re.IGNORECASE)
"""Nothing but a name is written without one of these."""


class Personal:
    """What is personal in the answers of one request."""

    def __init__(self, presidio: Presidio, persons: Iterable[str]) -> None:
        self._presidio = presidio
        self._persons = Persons(persons)

    def find(self, view: View) -> Iterator[Finding]:
        """Each piece of personal data in the text; one piece may be found as several kinds."""
        yield from self._persons.find(view)
        if _COULD_HOLD.search(view.text):
            yield from numbers.find(view)
            yield from phones.find(view)
            yield from self._presidio.find(view)
