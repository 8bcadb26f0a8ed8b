"""Claims to scan, and what the scan says of them."""

from collections.abc import Callable, Sequence

from copilot.generation.port import Claim, Support
from copilot.output_scan import Clean, Kind, OutputScan, Redacted, Withheld
from policy.labels import Classification, Label
from retrieval.types import Chunk, Context

CANARY = "canary-7f3a-blue-heron"
TOKEN = "A1b2C3d4E5f6G7h8J9k0"
Outcome = Clean | Redacted | Withheld
SCAN = OutputScan([CANARY])


def context(text: str, level: str = "S", compartments: frozenset[str] = frozenset()) -> Context:
    label = Label(tenant="t1", classification=Classification(level), compartments=compartments)
    chunk = Chunk(
        chunk_id="c",
        part_id="p",
        document_id="d",
        title=None,
        text=text,
        start=0,
        end=len(text),
        label_id=1,
        label=label,
    )
    return Context(chunk=chunk, score=1.0, arms=())


def claim(text: str, source: Context | None = None) -> Claim:
    """The text, resting on all of the source where there is one."""
    if source is None:
        return Claim(text=text, supports=())
    return Claim(text=text, supports=(Support(context=0, start=0, end=len(source.chunk.text)),))


def scan(
    text: str, source: Context | None = None, *, dropped: tuple[Context, ...] = (), system: str = ""
) -> Outcome:
    """What becomes of a sentence; without a source it is a quote of itself."""
    one = source or context(text)
    return SCAN.request([one], dropped, system)(claim(text, one))


def private(text: str, source: str = "A source.", persons: Sequence[str] = ()) -> Outcome:
    """What becomes of a sentence for whom personal data is closed."""
    one = context(source)
    return SCAN.request([one], personal_open=False, persons=persons)(claim(text, one))


def answer(*, personal_open: bool = True) -> Callable[[str], Outcome]:
    """A scan that takes the sentences of one answer in order."""
    one = context("A source.")
    check = SCAN.request([one], personal_open=personal_open)
    return lambda text: check(claim(text, one))


def kinds(outcome: Outcome) -> set[Kind]:
    return set() if isinstance(outcome, Clean) else {finding.kind for finding in outcome.findings}
