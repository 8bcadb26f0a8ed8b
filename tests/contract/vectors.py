"""Random askers, labels and questions for the contract tests, from so few names that they often meet."""

import random
from collections.abc import Sequence

from policy import Act, Asker, Authority, Call, Classification, Grant, Label, Principal
from policy.installation import Installation, Tenant
from policy.labels import HANDLING

NOW = 1_800_000_000
NOW_NS = NOW * 1_000_000_000 + 999_999_999
COMPARTMENTS = ["HARBOR", "KITE", "ORBIT"]
COUNTRIES = ["USA", "GBR", "FRA"]
AUTHORITIES = ["LEGAL", "MEDICAL"]
PURPOSES = ["investigation", "audit"]
ROLES = ["analyst", "ingester", "auditor", "admin"]

INSTALLATION = Installation(
    tenants={"t1": Tenant(reason_required=True)},
    accreditations={
        "house": {
            "residency": "GBR",
            "classification": "S",
            "compartments": ["HARBOR", "KITE"],
            "handling": ["PII", "SOURCE", "ORCON"],
        },
        "google": {
            "residency": "USA",
            "classification": "C",
            "compartments": "*",
            "handling": [],
        },
    },
)


def some(draw: random.Random, names: Sequence[str], share: float = 0.35) -> frozenset[str]:
    return frozenset(name for name in names if draw.random() < share)


def a_label(draw: random.Random, tenants: Sequence[str] = ("t1", "t1", "t1", "t2")) -> Label:
    return Label(
        tenant=draw.choice(tenants),
        classification=draw.choice(list(Classification)),
        compartments=some(draw, COMPARTMENTS),
        releasable_to=draw.choice([None, None, some(draw, COUNTRIES, 0.6)]),
        authorities=some(draw, AUTHORITIES, 0.2),
        handling=some(draw, sorted(HANDLING), 0.08),
    )


def an_asker(draw: random.Random, tenants: Sequence[str] = ("t1", "t1", "t1", "t2")) -> Asker:
    principal = Principal(
        sub=f"p{draw.randrange(4)}",
        tenant=draw.choice(tenants),
        clearance=draw.choice([*Classification, Classification.TS]),
        compartments=some(draw, COMPARTMENTS, 0.7),
        nationality=draw.choice(COUNTRIES),
        authorities=frozenset(an_authority(draw) for _ in range(draw.randrange(4))),
        roles=some(draw, ROLES),
        purposes=tuple(sorted(some(draw, PURPOSES, 0.7))),
        acr=draw.choice(["strong", "strong", "phr", "phrh", "aal3", "weak", ""]),
        auth_time=draw.choice(
            [None, NOW, NOW - draw.choice([1, 3599, 3600, 3601, 9999]), _ahead(draw)]
        ),
        revoked=draw.random() < 0.05,
        grants=tuple(a_grant(draw) for _ in range(draw.choice([0, 0, 0, 1, 2]))),
    )
    return Asker(
        principal=principal,
        purpose=draw.choice([*PURPOSES, *PURPOSES, "curiosity", ""]),
        reason=draw.choice(["", "  ", "case 12", "case 12"]),
    )


def _ahead(draw: random.Random) -> int:
    return NOW + draw.choice([1, 59, 60, 61, 9999])


def an_authority(draw: random.Random) -> Authority:
    near = [None, None, NOW - 9, NOW - 1, NOW, NOW + 1, NOW + 9]
    return Authority(
        name=draw.choice(AUTHORITIES), not_before=draw.choice(near), not_after=draw.choice(near)
    )


def a_grant(draw: random.Random) -> Grant:
    return Grant(
        grant_id=f"g{draw.randrange(9)}",
        clearance=draw.choice(list(Classification)),
        compartments=some(draw, COMPARTMENTS),
        authorities=some(draw, AUTHORITIES),
        not_after=NOW + draw.choice([-9, -1, 0, 1, 9, 3600]),
    )


def an_act(draw: random.Random) -> tuple[Act, dict[str, object]]:
    """The act, and what it is about."""
    subject: dict[str, object] = {}
    if draw.random() < 0.9:
        subject["seconds"] = draw.choice([-1, 0, 1, 600, 14400, 14401])
    if draw.random() < 0.9:
        subject["requested_by"] = f"p{draw.randrange(4)}"
    return draw.choice(list(Act)), subject


def a_call(draw: random.Random) -> Call:
    return Call(
        provider=draw.choice(
            ["anthropic", "google", "perplexity", "house", "elsewhere", "offline"]
        ),
        model="m",
        label=a_label(draw),
        purpose=draw.choice(["synthesis", "search", "long_context", "multimodal", "default"]),
        requires_citations=draw.random() < 0.5,
    )
