"""The output scan of one installation: planted strings and recognisers, shared by all requests."""

from collections.abc import Callable, Iterable, Sequence

from copilot.generation.port import Claim
from copilot.output_scan.canaries import prepared
from copilot.output_scan.findings import Clean, Redacted, Withheld
from copilot.output_scan.personal import Personal
from copilot.output_scan.presidio import Presidio
from copilot.output_scan.recited import runs
from copilot.output_scan.request import Compared, RequestScan
from retrieval.types import Context


class OutputScan:
    """The scan of one installation; `request` gives the one of a request."""

    def __init__(self, canaries: Iterable[str] = ()) -> None:
        """Misconfigured where a canary is too short to be told from chance."""
        self._canaries = prepared(canaries)
        self._presidio = Presidio()

    def warm(self) -> None:
        """Begins to load the recognisers of personal data, in a thread: 1.5 s that nobody waits for."""
        self._presidio.load()

    def request(
        self,
        contexts: Sequence[Context],
        dropped: Sequence[Context] = (),
        system: str = "",
        *,
        personal_open: bool = True,
        persons: Sequence[str] = (),
    ) -> Callable[[Claim], Clean | Redacted | Withheld]:
        """The scan for one request: what it may quote, what its re-check dropped, its prompt.

        It takes the claims of one answer in order. Where `personal_open` is false, personal data is
        taken out, the names in `persons` among it.
        """
        if not personal_open:
            self.warm()
        # What the reader was given anyway is no leak: near-duplicates under two labels are usual.
        given = (
            runs(context.chunk.text for context in contexts) if dropped or system else frozenset()
        )
        return RequestScan(
            Compared(
                contexts=contexts,
                canaries=self._canaries,
                withheld=runs(context.chunk.text for context in dropped) - given,
                prompt=runs([system]) - given,
                personal=None if personal_open else Personal(self._presidio, persons),
            )
        )
