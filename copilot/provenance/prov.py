"""The account of an answer as W3C PROV: who did what with what, and what came of it."""

from collections.abc import Sequence

from copilot.ledger.log import canonical
from copilot.provenance.account import Account, Call, Sentence, Source, State
from copilot.provenance.document import (
    Document,
    Typed,
    Value,
    decimal,
    local,
    moment,
    qualified,
    truth,
    whole,
)
from policy.markings import portion

VOCABULARY = "urn:copilot:prov:"
_SYSTEM = "copilot:system"


def prov_json(account: Account) -> bytes:
    """The same bytes for the same account."""
    return _Told(account).document.bytes()


class _Told:
    """One account, stated piece by piece."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.document = Document(
            {
                "prov": "http://www.w3.org/ns/prov#",
                "xsd": "http://www.w3.org/2001/XMLSchema#",
                "copilot": VOCABULARY,
                "tenant": f"urn:copilot:tenant:{local(account.tenant)}:",
            }
        )
        self._ask = self._own("ask")
        self._passages: set[str] = set()
        self._policy()
        self._asking()
        self._people()
        self._question()
        for call in account.calls:
            self._call(call)
        for source in account.sources:
            self._passage(source)
            self._uses(self._ask, self._chunk(source), "context")
        self._withheld(account.refused)
        self._answer()
        for sentence in account.sentences:
            self._sentence(sentence)
        self._dropped()
        self._entry()
        self._proof()

    def _own(self, *segments: str) -> str:
        """A name of something that belongs to this entry."""
        return f"tenant:{local('entry', self._account.ledger_id, *segments)}"

    def _asking(self) -> None:
        account, act = self._account, self._account.act
        self.document.element(
            "activity",
            self._ask,
            prov_startTime=account.began_at.isoformat() if account.began_at else None,
            prov_endTime=account.recorded_at.isoformat(),
            prov_type=qualified("copilot:Ask"),
            copilot_purpose=act.purpose if act else None,
            copilot_reason=act.reason or None if act else None,
            copilot_outcome=act.outcome if act else None,
            copilot_breakGlass=act.grants if act else None,
            copilot_state=self._erased("act"),
            copilot_scanFindings=[f"{reason}: {count}" for reason, count in account.findings],
            copilot_degradedArms=account.degraded,
            copilot_unnamed=account.unnamed,
            copilot_scope=account.scope[0] if account.scope else None,
            copilot_scopeLabels=whole(account.scope[1]) if account.scope else None,
            copilot_openingEntry=account.opening,
        )

    def _policy(self) -> None:
        policy, act = self._account.policy, self._account.act
        if act is None:
            return
        self.document.element(
            "entity",
            self._revision(act.revision),
            prov_type=qualified("prov:Plan"),
            copilot_revision=act.revision,
            copilot_releaseBundle=policy.release if policy else None,
            copilot_ownBundle=policy.own if policy else None,
            copilot_strictFilter=truth(policy.strict) if policy else None,
            copilot_reasonRequired=truth(policy.reason_required) if policy else None,
        )

    def _revision(self, revision: str) -> str:
        return f"tenant:{local('policy', revision)}"

    def _people(self) -> None:
        document, act, person = self.document, self._account.act, self._account.person or {}
        document.element("agent", _SYSTEM, prov_type=qualified("prov:SoftwareAgent"))
        if act is None:
            document.relate("wasAssociatedWith", {"activity": self._ask, "agent": _SYSTEM})
            return
        who = document.element(
            "agent",
            self._person(act.sub),
            prov_type=qualified("prov:Person"),
            prov_label=act.sub,
            copilot_clearance=person.get("clearance"),
            copilot_compartment=person.get("compartments"),
            copilot_nationality=person.get("nationality"),
            copilot_role=person.get("roles"),
        )
        plan = self._revision(act.revision)
        for agent in (who, _SYSTEM):
            members = {"activity": self._ask, "agent": agent, "plan": plan}
            document.relate("wasAssociatedWith", members)
        self._behalf(_SYSTEM, who, self._ask)
        if act.operator is not None:
            operator = document.element(
                "agent",
                f"tenant:{local('operator', act.operator)}",
                prov_type=qualified("prov:Person"),
                prov_label=act.operator,
            )
            document.relate("wasAssociatedWith", {"activity": self._ask, "agent": operator})
            self._behalf(operator, who, self._ask)

    def _person(self, sub: str) -> str:
        return f"tenant:{local('person', sub)}"

    def _behalf(self, delegate: str, responsible: str, activity: str) -> None:
        members = {"delegate": delegate, "responsible": responsible, "activity": activity}
        self.document.relate("actedOnBehalfOf", members)

    def _question(self) -> None:
        account, document = self._account, self.document
        question = document.element(
            "entity",
            self._own("question"),
            prov_type=qualified("copilot:Question"),
            prov_value=account.question,
            copilot_state=self._erased("question"),
            copilot_marking=portion(account.label),
        )
        self._uses(self._ask, question, "question")
        if account.act is not None:
            members = {"entity": question, "agent": self._person(account.act.sub)}
            document.relate("wasAttributedTo", members)
        if account.plan is not None:
            plan = document.element(
                "entity",
                self._own("plan"),
                prov_type=qualified("copilot:QuestionPlan"),
                prov_value=canonical(account.plan).decode(),
            )
            document.relate("wasGeneratedBy", {"entity": plan, "activity": self._ask})
            document.relate("wasDerivedFrom", {"generatedEntity": plan, "usedEntity": question})

    def _call(self, call: Call) -> None:
        document, usage = self.document, call.usage or {}
        cost = usage.get("cost_usd")
        activity = document.element(
            "activity",
            self._own(call.name),
            prov_type=qualified("copilot:ModelCall"),
            copilot_attempts=whole(call.attempts),
            copilot_inputTokens=_tokens(call, "input_tokens"),
            copilot_outputTokens=_tokens(call, "output_tokens"),
            copilot_cacheReadTokens=_tokens(call, "cache_read_tokens"),
            copilot_cacheWriteTokens=_tokens(call, "cache_write_tokens"),
            copilot_durationMs=_tokens(call, "duration_ms"),
            copilot_costUsd=decimal(float(cost)) if cost is not None else None,
            copilot_refusedProvider=[f"{name}: {reason}" for name, reason in call.refused],
            copilot_failed=call.failed,
            copilot_gave=call.said,
        )
        model = document.element(
            "agent",
            f"copilot:{local('model', call.provider, call.model)}",
            prov_type=qualified("prov:SoftwareAgent"),
            copilot_provider=call.provider,
            copilot_model=call.model,
        )
        members = {"activity": activity, "agent": model, "plan": self._prompt(call)}
        document.relate("wasAssociatedWith", members)
        self._behalf(model, _SYSTEM, activity)
        document.relate("wasStartedBy", {"activity": activity, "starter": self._ask})
        self._uses(activity, self._own("question"), "question")
        if call.name == "generation" or call.failed:
            for source in self._account.sources:
                self._passage(source)
                self._uses(activity, self._chunk(source), "context")

    def _prompt(self, call: Call) -> str | None:
        prompt = call.prompt
        if prompt is None:
            return None
        return self.document.element(
            "entity",
            f"copilot:{local('prompt', prompt.template, prompt.version, prompt.sha256)}",
            prov_type=qualified("prov:Plan"),
            copilot_template=prompt.template,
            copilot_version=prompt.version,
            copilot_sha256=prompt.sha256,
        )

    def _chunk(self, source: Source) -> str:
        return f"tenant:{local('chunk', source.chunk_id)}"

    def _passage(self, source: Source) -> None:
        """A chunk's id comes of its content, so it is the same thing in every account; its document names more."""
        document, name = self.document, self._chunk(source)
        if name in self._passages:
            return
        self._passages.add(name)
        whole_text = document.element(
            "entity",
            f"tenant:{local('document', source.document_id)}",
            prov_type=qualified("copilot:Document"),
        )
        chunk = document.element(
            "entity",
            name,
            prov_type=qualified("copilot:Passage"),
            copilot_documentId=source.document_id,
            copilot_partId=source.part_id,
            copilot_sha256=source.sha256,
            copilot_label=source.label.canonical(),
            copilot_marking=portion(source.label),
            copilot_foundBy=source.arms,
        )
        members = {"generatedEntity": chunk, "usedEntity": whole_text}
        document.relate("wasDerivedFrom", members, prov_type=qualified("prov:Quotation"))

    def _withheld(self, refused: Sequence[Source]) -> None:
        """What the double check took out was used by nothing but the check."""
        if not refused:
            return
        check = self.document.element(
            "activity", self._own("recheck"), prov_type=qualified("copilot:PolicyRecheck")
        )
        self.document.relate("wasStartedBy", {"activity": check, "starter": self._ask})
        for source in refused:
            self._passage(source)
            self._uses(check, self._chunk(source), "withheld", copilot_why=source.why)

    def _answer(self) -> None:
        account, document = self._account, self.document
        answer = document.element(
            "entity",
            self._answer_name(),
            prov_type=[qualified("prov:Collection"), qualified("copilot:Answer")],
            copilot_banner=account.banner,
            copilot_state=self._erased("answer"),
        )
        members = {"entity": answer, "activity": self._ask}
        document.relate("wasGeneratedBy", members, prov_time=account.recorded_at.isoformat())
        document.relate("wasAttributedTo", {"entity": answer, "agent": _SYSTEM})

    def _answer_name(self) -> str:
        answer_id = self._account.answer_id
        return f"tenant:{local('answer', answer_id)}" if answer_id else self._own("answer")

    def _sentence(self, sentence: Sentence) -> None:
        document = self.document
        name = document.element(
            "entity",
            self._own("sentence", sentence.key),
            prov_type=qualified("copilot:Sentence"),
            prov_value=sentence.text,
            copilot_sha256=sentence.sha256,
            copilot_marking=sentence.marking,
        )
        document.relate("hadMember", {"collection": self._answer_name(), "entity": name})
        generation = self._generation()
        if generation is not None:
            document.relate("wasGeneratedBy", {"entity": name, "activity": generation})
        for one in sentence.citations:
            document.relate(
                "wasDerivedFrom",
                {
                    "generatedEntity": name,
                    "usedEntity": self._chunk(one.source),
                    "activity": generation,
                },
                prov_type=qualified("prov:PrimarySource"),
                copilot_citation=whole(one.number),
                copilot_start=whole(one.start),
                copilot_end=whole(one.end),
                copilot_quote=one.quote,
                copilot_quoteSha256=one.quote_sha256,
            )

    def _generation(self) -> str | None:
        names = {call.name for call in self._account.calls}
        return self._own("generation") if "generation" in names else None

    def _dropped(self) -> None:
        """Written, and taken out again by the check that invalidated it."""
        document, generation = self.document, self._generation()
        for number, one in enumerate(self._account.dropped, start=1):
            name = document.element(
                "entity",
                self._own("dropped", str(number)),
                prov_type=qualified("copilot:DroppedSentence"),
                copilot_sha256=one.sha256,
            )
            check = document.element(
                "activity",
                self._own("check", one.stage),
                prov_type=qualified("copilot:Check"),
                copilot_stage=one.stage,
            )
            if generation is not None:
                document.relate("wasGeneratedBy", {"entity": name, "activity": generation})
            members = {"entity": name, "activity": check}
            document.relate("wasInvalidatedBy", members, copilot_reason=one.reason)

    def _entry(self) -> None:
        account, document = self._account, self.document
        proof = account.proof
        erased = [one for one in account.commitments if one.state is State.ERASED]
        entry = document.element(
            "entity",
            self._own(),
            prov_type=qualified("copilot:LedgerEntry"),
            copilot_ledgerId=account.ledger_id,
            copilot_label=account.label.canonical(),
            copilot_recordedAt=moment(account.recorded_at),
            copilot_leaf=account.leaf,
            copilot_leafHash=account.leaf_hash,
            copilot_erased=[one.name for one in erased],
            copilot_erasureEntry=sorted({name for one in erased for name in one.erasures}),
            copilot_leafIndex=whole(proof.leaf_index) if proof else None,
            # One text, since the attributes of PROV are sets: hashes of a path have an order.
            copilot_inclusionPath=" ".join(proof.inclusion_path) or None if proof else None,
        )
        members = {"entity": entry, "activity": self._ask}
        document.relate("wasGeneratedBy", members, prov_time=account.recorded_at.isoformat())
        document.relate("wasAttributedTo", {"entity": entry, "agent": _SYSTEM})

    def _proof(self) -> None:
        proof, document = self._account.proof, self.document
        if proof is None:
            return
        head = document.element(
            "entity",
            f"copilot:{local('checkpoint', str(proof.tree_size), proof.root_hash)}",
            prov_type=[qualified("prov:Collection"), qualified("copilot:Checkpoint")],
            prov_value=proof.checkpoint,
            copilot_treeSize=whole(proof.tree_size),
            copilot_rootHash=proof.root_hash,
        )
        document.relate("hadMember", {"collection": head, "entity": self._own()})

    def _uses(self, activity: str, entity: str, role: str, **said: Value) -> None:
        members = {"activity": activity, "entity": entity}
        self.document.relate("used", members, prov_role=role, **said)

    def _erased(self, name: str) -> str | None:
        return "erased" if self._account.state(name) is State.ERASED else None


def _tokens(call: Call, kind: str) -> Typed | None:
    number = (call.usage or {}).get(kind)
    return None if number is None else whole(int(number))
