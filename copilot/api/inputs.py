"""What clients give to `ingest`, and how it becomes documents."""

import dataclasses
from collections.abc import Iterable, Iterator

import strawberry
from strawberry.scalars import JSON

from copilot.ingest.documents import Document, Rejected
from copilot.ingest.parts import check_marks, document_id, gathered, kept, label_of, storable
from policy.errors import BadInput
from policy.labels import Classification, Label, join_all
from policy.markings import split_portion


@strawberry.input(
    description="A label. A missing tenant is the ingester's; `releasableTo` null is unrestricted, [] nobody."
)
class LabelInput:
    classification: Classification
    tenant: str | None = None
    compartments: list[str] = strawberry.field(default_factory=list)
    releasable_to: list[str] | None = None
    authorities: list[str] = strawberry.field(default_factory=list)
    handling: list[str] = strawberry.field(default_factory=list)

    def read(self, tenant: str, where: str) -> Label:
        given = {key: value for key, value in dataclasses.asdict(self).items() if value is not None}
        return label_of(given, tenant=tenant, where=where)


@strawberry.input(description="A text and its label. Texts of one label are kept as one part.")
class PartInput:
    text: str
    label: LabelInput

    def read(self, tenant: str, where: str) -> tuple[Label, str]:
        label = self.label.read(tenant, f"{where}.label")
        check_marks(self.text, label, tenant=tenant, where=f"{where}.text")
        return label, self.text


@strawberry.input(
    description="A document. `label` is that of id, title and metadata, by default the join of its parts."
)
class DocumentInput:
    id: str
    title: str = ""
    parts: list[PartInput]
    label: LabelInput | None = None
    metadata: JSON | None = None

    def read(self, tenant: str) -> Document:
        """The document; BadInput says what is wrong with it and where."""
        if not any(part.text.strip() for part in self.parts):
            raise BadInput("a document needs at least one part with a text")
        parts = gathered(
            (part.read(tenant, f"parts[{i}]") for i, part in enumerate(self.parts)),
            between="\n\n",
        )
        joined = join_all(part.label for part in parts)
        label = self.label.read(tenant, "label") if self.label else joined
        mark, title = split_portion(self.title.strip(), tenant, "`title`")
        return Document(
            document_id=document_id(self.id, "the document"),
            title=" ".join(title.split()),
            label=mark or label,
            parts=parts,
            source=self.id,
            metadata=kept(self._metadata(), over=label, document=mark or label),
        )

    def _metadata(self) -> dict[str, object]:
        metadata: object = {} if self.metadata is None else self.metadata
        if not isinstance(metadata, dict):
            raise BadInput("`metadata` must be an object")
        return storable(metadata, "`metadata`")


def read(given: Iterable[DocumentInput], tenant: str) -> Iterator[Document | Rejected]:
    """The documents; one that cannot be taken is named with its place, and the rest goes on."""
    for i, document in enumerate(given):
        try:
            yield document.read(tenant)
        except BadInput as error:
            yield Rejected(source=f"documents[{i}]", line=None, reason=error.message)
