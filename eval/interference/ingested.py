"""The whole public way: two databases filled by ingest itself, one never shown what is hidden."""

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from random import Random

from copilot.acts import Copilot
from copilot.ingest.documents import Document, Part
from eval import reduced
from eval.acts import Json
from eval.cases import Attributes
from eval.interference.bench import Bench, Opened
from eval.interference.corpora import Corpus
from eval.interference.holdings import divided, held
from eval.interference.inquiries import Inquiry, chosen, every_inquiry, output
from eval.interference.people import AWAY, HOME, Reader, author
from eval.interference.tally import Tally
from eval.oracle import Rule
from policy.errors import CopilotError
from policy.labels import Classification, Label


async def compare_ingested(bench: Bench, template: str, corpus: Corpus, *, most: int) -> Tally:
    """Ingests the corpus and what its first reader may read of it, and compares what that reader gets."""
    who = corpus.readers[0]
    less = list(without_hidden(corpus.documents, who.attributes, bench.rule))
    async with AsyncExitStack() as stack:
        full, few = [await reduced.clone(template) for _ in range(2)]
        for url in (full, few):
            stack.push_async_callback(reduced.drop, url)
        tally = Tally(corpora=1)
        given: list[list[Json]] = []
        inquiries: list[Inquiry] = []
        for url, documents in ((full, corpus.documents), (few, less)):
            async with bench.opened(url) as opened:
                await _ingest(opened.copilot, documents)
                inquiries = inquiries or await _inquiries(bench, full, corpus, who, most)
                given.append([await _settled(opened, one) for one in inquiries])
                tally.degraded += opened.degraded
    for inquiry, one, other in zip(inquiries, *given, strict=True):
        tally.compare(f"ingested {corpus.number}/{who.sub}/{inquiry.name}", one, other)
    return tally


def without_hidden(
    documents: Sequence[Document], person: Attributes, rule: Rule
) -> Iterator[Document]:
    """The documents as somebody would hand them in who holds only what this person may read.

    A document whose own label is hidden cannot be left out while one of its parts is readable: it comes with
    another id, title and metadata.
    """
    for at, document in enumerate(documents):
        parts = tuple(part for part in document.parts if rule(person, part.label.to_json()))
        if rule(person, document.label.to_json()):
            yield replace(document, parts=parts)
        elif parts:
            name = f"withheld-{at}"
            yield replace(
                document, document_id=name, title="", source=name, metadata={}, parts=parts
            )


async def _settled(opened: Opened, inquiry: Inquiry) -> Json:
    """What comes back once the graph holds what was taken in before."""
    await opened.graph.settle()
    return await output(opened.copilot, inquiry)


async def _ingest(copilot: Copilot, documents: Sequence[Document]) -> None:
    for tenant in (HOME, AWAY):
        own = [one for one in documents if one.label.tenant == tenant]
        report = await copilot.ingest(author(tenant).asker, own)
        if report.rejected:
            raise CopilotError(f"a generated document was refused: {report.rejected[0].reason}")


async def _inquiries(
    bench: Bench, full: str, corpus: Corpus, who: Reader, most: int
) -> list[Inquiry]:
    """Reads, then an ingest that meets hidden ids and texts, then reads of what it left."""
    rng = Random(f"ingested {corpus.number}")
    holdings = divided(await held(full), who.attributes, bench.rule)
    every = every_inquiry(rng, corpus, who, holdings, bench.rule)
    reads = chosen(rng, every, most, recorded=False)
    documents = list(_meeting(rng, corpus, who, bench.rule))
    return [*reads, _ingesting(who, documents), *reads[: most // 4]]


def _meeting(rng: Random, corpus: Corpus, who: Reader, rule: Rule) -> Iterator[Document]:
    """Documents of the reader's own with ids and texts of what is there, hidden from them or not."""
    lowest = Label(tenant=HOME, classification=Classification.U)
    highest = Label(tenant=HOME, classification=Classification.TS, compartments=frozenset(["X"]))
    home = [one for one in corpus.documents if one.label.tenant == HOME]
    hidden = [one for one in home if not rule(who.attributes, one.label.to_json())]
    for at, one in enumerate([*rng.sample(hidden, min(2, len(hidden))), *rng.sample(home, 2)]):
        part = Part(label=lowest, text=one.parts[0].text)
        named = replace(one, label=lowest, parts=(part,))
        yield named
        yield replace(named, document_id=f"OWN-{at}", source=f"OWN-{at}")
        yield replace(named, label=highest)


def _ingesting(who: Reader, documents: Sequence[Document]) -> Inquiry:
    async def report(copilot: Copilot) -> Json:
        made = await copilot.ingest(who.asker, documents)
        rejected = [[one.source, one.line, one.reason] for one in made.rejected]
        counts = {"ingested": made.ingested, "unchanged": made.unchanged}
        return {"kind": "IngestReport", "rejected": rejected, "notes": list(made.notes)} | counts

    return Inquiry(name="ingest", call=report)
