"""The account of an answer as one HTML page for a case file: it needs nothing else, and runs nothing."""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files

from copilot.ledger.log import canonical
from copilot.provenance.account import Account, Call, Citation, Source, State
from copilot.provenance.document import written_out
from copilot.provenance.markup import Markup, element, facts, table, together
from copilot.provenance.verifying import proof, verifying
from policy.markings import banner, portion

_STYLE = Markup(files("copilot.provenance").joinpath("page.css").read_text("utf-8"))
_STYLE_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"
)
_STATES = {
    State.TOLD: "yes, as far as this reader may be told",
    State.WITHHELD: "not for this reader",
}
_COUNTED = {
    "input_tokens": "Tokens read",
    "output_tokens": "Tokens written",
    "cache_read_tokens": "Tokens read from a cache",
    "cache_write_tokens": "Tokens written to a cache",
    "cost_usd": "Cost in US dollars",
    "duration_ms": "Milliseconds taken",
}
_REFUSED = {
    "policy": "policy closed it when it was decided on again",
    "scope": "its label was not among those open to the asker",
}


def page(account: Account) -> bytes:
    """UTF-8; the same bytes for the same account."""
    marking = banner(account.label)
    document = element(
        "html",
        _head(marking),
        element(
            "body",
            element("header", _banner(marking)),
            element("main", *_sections(account)),
            element("footer", _banner(marking)),
        ),
        lang="en",
    )
    return f"<!DOCTYPE html>\n{document}\n".encode()


def _head(marking: str) -> Markup:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"({marking}) Provenance of an answer"),
        element("style", _STYLE),
    )


def _banner(marking: str) -> Markup:
    return element("p", f"Classification of this page: {marking}", class_="banner")


def _sections(account: Account) -> Sequence[Markup]:
    return (
        element("h1", "Provenance of an answer"),
        element("p", _AUDIENCES[account.audience]),
        _act(account),
        _section("question", "Question", _question(account)),
        _section("answer", "Answer", *_answer(account)),
        _section("sources", "What the model was given", _sources(account)),
        _section("dropped", "What was dropped, and why", *_dropped(account)),
        _section("policy", "Decision and policy", _policy(account)),
        _section("models", "Calls of models", *_calls(account)),
        _section("record", "The record", *_record(account)),
        _section("proof", "Proof that the record is in the log", proof(account)),
        _section("verify", "How to verify this offline", verifying(account)),
    )


_AUDIENCES = {
    "auditor": (
        "Made from one entry of the ledger, for an auditor. What the auditor may not read is left out without a mark."
    ),
    "asker": "Made from one entry of the ledger, for the person who asked.",
    "reader": (
        "Made from one entry of the ledger, for a reader of the answer who did not ask. How it was found is told "
        "to the person who asked and to auditors."
    ),
}


def _section(key: str, title: str, *content: str) -> Markup:
    heading = element("h2", title, id=f"{key}-title")
    return element("section", heading, *content, id=key, aria_labelledby=f"{key}-title")


def _act(account: Account) -> Markup:
    act, person = account.act, account.person or {}
    erased = _gone(account, "act")
    return facts(
        "The act",
        [
            ("Asked by", act.sub if act else erased),
            ("Clearance", person.get("clearance")),
            ("Compartments", _listed(person.get("compartments", ()))),
            ("Roles", _listed(person.get("roles", ()))),
            ("Carried out by", act.operator if act else None),
            ("Purpose", act.purpose if act else erased),
            ("Reason", _reason(account)),
            ("Access in an emergency", _listed(act.grants) if act else None),
            ("Began", _time(account.began_at) if account.began_at else None),
            ("Recorded", _time(account.recorded_at)),
            ("Outcome", act.outcome if act else erased),
            ("Answer", _hash(account.answer_id) if account.answer_id else None),
            ("Ledger entry", _hash(account.ledger_id)),
            (
                "Entry made before the model was called",
                _hash(account.opening) if account.opening else None,
            ),
            ("Tenant", account.tenant),
        ],
    )


def _question(account: Account) -> Markup:
    if account.question is None:
        return element("p", _gone(account, "question"))
    return element("blockquote", _marking(portion(account.label)), " ", _said(account.question))


def _answer(account: Account) -> Sequence[Markup]:
    if not account.sentences:
        return [element("p", _gone(account, "answer"))]
    sentences = [
        element(
            "li",
            _marking(one.marking),
            " ",
            _said(one.text),
            *(_reference(citation) for citation in one.citations),
        )
        for one in account.sentences
    ]
    rows = [_cited(one) for one in account.citations()]
    heads = ["No.", "Marking", "Document", "Part", "Characters", "Text", "SHA-256 of the text"]
    return [
        element("p", "Marked as a whole: ", _marking(account.banner or "")),
        element("ol", *sentences),
        table("Sources of the answer", heads, rows),
    ]


def _reference(citation: Citation) -> Markup:
    number = str(citation.number)
    return together([" ", element("a", f"[{number}]", href=f"#source-{number}")])


def _cited(one: Citation) -> Sequence[str]:
    return [
        element("span", f"[{one.number}]", id=f"source-{one.number}"),
        portion(one.source.label),
        one.source.document_id,
        _hash(one.source.part_id),
        f"{one.start} to {one.end}",
        "not kept, or not for this reader" if one.quote is None else _said(one.quote),
        _hash(one.quote_sha256),
    ]


def _sources(account: Account) -> Markup:
    if not account.sources:
        return element("p", _gone(account, "contexts"))
    cited: dict[str, list[str]] = {}
    for one in account.citations():
        cited.setdefault(one.source.chunk_id, []).append(f"[{one.number}]")
    heads = ["Passage", "Marking", "Document", "Found by", "Cited as", "SHA-256 of its text"]
    rows = [
        [*_passage(one), " ".join(cited.get(one.chunk_id, ["not cited"])), _hash(one.sha256)]
        for one in account.sources
    ]
    return table("Passages, in the order in which they were given", heads, rows)


def _passage(one: Source) -> Sequence[str]:
    found = ", ".join(one.arms) or "added beside another passage"
    return [_hash(one.chunk_id), portion(one.label), one.document_id, found]


def _dropped(account: Account) -> Sequence[Markup]:
    told: list[Markup] = []
    if account.state("dropped") is not State.TOLD:
        told.append(element("p", _gone(account, "dropped")))
    if account.dropped:
        rows = [[one.stage, one.reason, _hash(one.sha256)] for one in account.dropped]
        heads = ["Check", "Reason", "SHA-256 of the sentence"]
        told.append(table("Sentences that were written and not given", heads, rows))
    if account.findings:
        rows = [[reason, str(count)] for reason, count in account.findings]
        told.append(table("What the output scan found", ["What", "Places"], rows))
    if account.refused:
        heads = ["Passage", "Marking", "Document", "Found by", "Why it was taken out"]
        rows = [[*_passage(one), _REFUSED.get(one.why, one.why)] for one in account.refused]
        told.append(table("Passages that the double check took out", heads, rows))
    return told or [element("p", "Nothing was dropped.")]


def _reason(account: Account) -> str | None:
    if account.act and account.state("reason") is not State.ERASED:
        return account.act.reason or None
    return _gone(account, "reason" if account.act else "act")


def _policy(account: Account) -> Markup:
    act, policy, scope = account.act, account.policy, account.scope
    plan = canonical(account.plan).decode() if account.plan is not None else None
    return facts(
        "What was decided, and by what",
        [
            ("Decision", "the act was allowed, and the answer let out" if act else None),
            ("Policy revision", _hash(act.revision) if act else _gone(account, "act")),
            ("Bundle of the release", _hash(policy.release) if policy else None),
            ("The tenant's own bundle", _hash(policy.own) if policy and policy.own else None),
            ("Output filter", _strictness(account)),
            ("Reason for access wanted", _yes(value=policy.reason_required) if policy else None),
            (
                "Labels open to the asker",
                f"{scope[1]}, by the digest {scope[0]}" if scope else None,
            ),
            ("Names that no passage bears", _listed(account.unnamed)),
            ("Ways of searching that did not answer", _listed(account.degraded)),
            ("Plan of the question", element("pre", plan) if plan else None),
        ],
    )


def _strictness(account: Account) -> str | None:
    if account.policy is None:
        return None
    return "refuses what it finds" if account.policy.strict else "redacts what it finds"


def _calls(account: Account) -> Sequence[Markup]:
    told = [_call(one) for one in account.calls]
    if account.state("model") is State.ERASED or not told:
        told.append(element("p", _gone(account, "model")))
    return told


def _call(call: Call) -> Markup:
    prompt = call.prompt
    counted = [(_COUNTED.get(name, name), value) for name, value in (call.usage or {}).items()]
    return facts(
        call.name.replace("-", " ").capitalize(),
        [
            ("Provider", call.provider),
            ("Model", call.model),
            ("Attempts", str(call.attempts)),
            ("Why it came to nothing", call.failed),
            ("Prompt", f"{prompt.template}, version {prompt.version}" if prompt else None),
            ("SHA-256 of the prompt", _hash(prompt.sha256) if prompt else None),
            *((name, _number(value)) for name, value in counted),
            (
                "Providers that were not let have it",
                _listed([f"{name} ({reason})" for name, reason in call.refused]),
            ),
            ("What it gave", _said("\n".join(call.said)) if call.said else None),
        ],
    )


def _record(account: Account) -> Sequence[Markup]:
    rows = [
        [one.name, _hash(one.sha256), _STATES.get(one.state) or _erased(one.erasures)]
        for one in account.commitments
    ]
    return [
        facts(
            "The leaf of the Merkle tree",
            [
                ("Label", account.label.canonical()),
                ("SHA-256 of a zero byte and the leaf", _hash(account.leaf_hash)),
                ("Leaf", element("pre", account.leaf)),
            ],
        ),
        table("What the leaf commits to", ["Name", "Commitment", "Told on this page"], rows),
    ]


def _erased(erasures: Sequence[str]) -> str:
    return f"erased, by the entry {', '.join(erasures)}" if erasures else "erased"


def _gone(account: Account, name: str) -> str:
    """Why there is nothing to tell."""
    match account.state(name):
        case State.ERASED:
            return "Erased. The commitment to it stands in the record below."
        case State.WITHHELD:
            return "This is not told to this reader."
        case _:
            return "There is nothing of it that this reader may be told."


def _number(value: float | None) -> str:
    return "not known" if value is None else written_out(value)


def _listed(names: Sequence[str]) -> str | None:
    return ", ".join(names) or None


def _yes(*, value: bool) -> str:
    return "yes" if value else "no"


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC")


def _marking(marking: str) -> Markup:
    return element("span", marking, class_="marking")


def _hash(digest: str) -> Markup:
    return element("span", digest, class_="hash")


def _said(said: str) -> Markup:
    """What a person, a model or a document says, in whatever language: nothing around it is moved by it."""
    return element("span", said, class_="said", lang="", dir="auto")
