"""Microsoft Presidio's pattern recognisers, without a language model, loaded when first needed.

Those are taken whose pattern is proved by a check digit or is unmistakable. The ones for e-mail and
URL are not: they fetch a list of domains over the network. What Presidio tells apart poorly
(telephone numbers, cards in unusual spellings) we look for ourselves as well.
"""

import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from copilot.output_scan.findings import Finding, Kind
from copilot.output_scan.view import View

if TYPE_CHECKING:
    from presidio_analyzer import PatternRecognizer

_PROVED = 1.0
"""Presidio's score where a check digit is right."""
_UNMISTAKABLE = 0.5
_TAKEN: Sequence[tuple[str, Kind, float]] = (
    ("CreditCardRecognizer", Kind.CARD, _PROVED),
    ("IbanRecognizer", Kind.BANK_ACCOUNT, _PROVED),
    ("CryptoRecognizer", Kind.CRYPTO, _PROVED),
    ("UsSsnRecognizer", Kind.NATIONAL_ID, _UNMISTAKABLE),
    ("UsItinRecognizer", Kind.NATIONAL_ID, _UNMISTAKABLE),
    ("UsMbiRecognizer", Kind.NATIONAL_ID, _UNMISTAKABLE),
    ("UkNinoRecognizer", Kind.NATIONAL_ID, _UNMISTAKABLE),
    ("UkDrivingLicenceRecognizer", Kind.NATIONAL_ID, _UNMISTAKABLE),
    ("InPanRecognizer", Kind.NATIONAL_ID, _UNMISTAKABLE),
    ("SgFinRecognizer", Kind.NATIONAL_ID, _UNMISTAKABLE),
    ("EsNifRecognizer", Kind.NATIONAL_ID, _PROVED),
    ("EsNieRecognizer", Kind.NATIONAL_ID, _PROVED),
    ("ItFiscalCodeRecognizer", Kind.NATIONAL_ID, _PROVED),
    ("FiPersonalIdentityCodeRecognizer", Kind.NATIONAL_ID, _PROVED),
    ("SePersonnummerRecognizer", Kind.NATIONAL_ID, _PROVED),
    ("PlPeselRecognizer", Kind.NATIONAL_ID, _PROVED),
    ("DeTaxIdRecognizer", Kind.NATIONAL_ID, _PROVED),
    ("TrNationalIdRecognizer", Kind.NATIONAL_ID, _PROVED),
    ("ThTninRecognizer", Kind.NATIONAL_ID, _PROVED),
    ("KrRrnRecognizer", Kind.NATIONAL_ID, _PROVED),
)
_HEAVY = frozenset(["torch", "transformers", "tensorflow", "stanza", "gliner", "cupy", "mxnet"])
"""What spaCy and Presidio import where it happens to be installed: 950 MB and ten seconds for nothing."""


class Presidio:
    """The recognisers, loaded once in a thread of their own; whoever needs them waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loading: Future[list[tuple[PatternRecognizer, Kind, float]]] | None = None

    def load(self) -> None:
        """Begins to load, unless that was done; takes no time itself."""
        with self._lock:
            if self._loading is None:
                thread = ThreadPoolExecutor(1, thread_name_prefix="presidio")
                self._loading = thread.submit(_loaded)
                thread.shutdown(wait=False)

    def find(self, view: View) -> Iterator[Finding]:
        """What the recognisers find. All of it has a digit, so a text without one is not given to them."""
        if not any(char.isdigit() for char in view.text):
            return
        self.load()
        assert self._loading is not None
        for recogniser, kind, least in self._loading.result():
            for result in recogniser.analyze(view.text, recogniser.supported_entities):
                if result.score >= least:
                    yield view.finding(kind, result.start, result.end)


def _loaded() -> "list[tuple[PatternRecognizer, Kind, float]]":
    with _without(_HEAVY):
        from presidio_analyzer import predefined_recognizers

    return [
        (_pruned(getattr(predefined_recognizers, name), least), kind, least)
        for name, kind, least in _TAKEN
    ]


def _pruned(recogniser: Any, least: float) -> "PatternRecognizer":
    """Without patterns that can't reach the score: they cost time, one the square of the length."""
    if least == _PROVED:
        return cast("PatternRecognizer", recogniser())
    kept = [pattern for pattern in recogniser.PATTERNS if pattern.score >= least]
    return cast("PatternRecognizer", recogniser(patterns=kept))


@contextmanager
def _without(packages: frozenset[str]) -> Iterator[None]:
    """Imports of these fail in this thread alone; what is already imported stays."""
    finder = _Absent(packages)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Absent:
    """A finder that says of some packages that they are not there."""

    def __init__(self, packages: frozenset[str]) -> None:
        self._packages = packages
        self._thread = threading.get_ident()

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if threading.get_ident() == self._thread and name.partition(".")[0] in self._packages:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None
