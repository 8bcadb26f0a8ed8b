"""Random rules of tenants, each as Rego and as plain Python, for the contract tests to compare."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from policy import Asker, Label
from tests.contract.oracle import RANKS
from tests.contract.vectors import AUTHORITIES, COMPARTMENTS, COUNTRIES, PURPOSES, ROLES

Holds = Callable[[Asker, Label, int], object]
HANDLING = ["PII", "SOURCE", "ORCON", "LES"]
LEVELS = sorted(RANKS, key=lambda level: RANKS[level])
_PRELUDE = """ranks := {"U": 0, "C": 1, "S": 2, "TS": 3}

second := (input.now_ns - (input.now_ns % 1000000000)) / 1000000000
"""


@dataclass(frozen=True)
class Condition:
    """Of a `label`, and of the `input` that says who asks."""

    rego: str
    holds: Holds

    def opposite(self) -> "Condition":
        return Condition(f"not {self.rego}", lambda *about: not self.holds(*about))


@dataclass(frozen=True)
class Tenant:
    """One tenant's module. Each clause is a conjunction."""

    closing: tuple[tuple[Condition, ...], ...]
    opening: tuple[tuple[Condition, ...], ...]
    """Where there are any, a label is closed that none of them opens."""

    def closes(self, asker: Asker, label: Label, second: int) -> bool:
        listed = not self.opening or _any_holds(self.opening, asker, label, second)
        return _any_holds(self.closing, asker, label, second) or not listed

    def rego(self, package: str) -> str:
        rules = [_rule("closed_by_rule(label)", clause) for clause in self.closing]
        rules += [_rule("listed(label)", clause) for clause in self.opening]
        bodies = ["closed_by_rule(label)"] if self.closing else []
        bodies += ["not listed(label)"] if self.opening else []
        rules += [
            f"closed contains position if {{\n\tsome position, label in input.labels\n\t{body}\n}}"
            for body in bodies
        ]
        return f"package {package}\n\n{_PRELUDE}\n" + "\n\n".join(rules) + "\n"


def a_tenant(draw: random.Random) -> Tenant:
    closing = tuple(_clause(draw) for _ in range(draw.choice([0, 1, 1, 2, 3])))
    opening = tuple(_clause(draw) for _ in range(draw.choice([0, 0, 2, 4])))
    return Tenant(closing=closing or ((_condition(draw), _condition(draw)),), opening=opening)


def _clause(draw: random.Random) -> tuple[Condition, ...]:
    return tuple(_condition(draw) for _ in range(draw.choice([1, 2, 2, 3])))


def _condition(draw: random.Random) -> Condition:
    made = draw.choice(_CONDITIONS)(draw)
    return made.opposite() if draw.random() < 0.3 else made


def _any_holds(
    clauses: Iterable[Sequence[Condition]], asker: Asker, label: Label, second: int
) -> bool:
    return any(all(one.holds(asker, label, second) for one in clause) for clause in clauses)


def _rule(head: str, clause: Sequence[Condition]) -> str:
    return f"{head} if {{\n" + "".join(f"\t{one.rego}\n" for one in clause) + "}"


def _level(draw: random.Random) -> Condition:
    level = draw.choice(LEVELS)
    return Condition(
        f"ranks[label.classification] >= {RANKS[level]}",
        lambda _asker, label, _second: RANKS[label.classification] >= RANKS[level],
    )


def _exact_level(draw: random.Random) -> Condition:
    levels = draw.sample(LEVELS, 2)
    return Condition(
        f"label.classification in {_set(levels)}",
        lambda _asker, label, _second: label.classification in levels,
    )


def _above_clearance(draw: random.Random) -> Condition:
    gap = draw.choice([0, 1, 2])
    return Condition(
        f"ranks[input.principal.clearance] - ranks[label.classification] <= {gap}",
        lambda asker, label, _second: (
            RANKS[asker.principal.clearance] - RANKS[label.classification] <= gap
        ),
    )


def _compartment(draw: random.Random) -> Condition:
    name = draw.choice(COMPARTMENTS)
    return Condition(
        f'"{name}" in label.compartments', lambda _asker, label, _second: name in label.compartments
    )


def _many_compartments(draw: random.Random) -> Condition:
    most = draw.choice([0, 1, 2])
    return Condition(
        f"count(label.compartments) > {most}",
        lambda _asker, label, _second: len(label.compartments) > most,
    )


def _own_compartments(draw: random.Random) -> Condition:
    return Condition(
        "count({name | some name in label.compartments; not name in input.principal.compartments}) > 0",
        lambda asker, label, _second: label.compartments - asker.principal.compartments,
    )


def _released(draw: random.Random) -> Condition:
    country = draw.choice(COUNTRIES)
    return Condition(
        f'"{country}" in object.get(label, "releasable_to", [])',
        lambda _asker, label, _second: country in (label.releasable_to or ()),
    )


def _unrestricted(draw: random.Random) -> Condition:
    return Condition(
        'object.get(label, "releasable_to", null) == null',
        lambda _asker, label, _second: label.releasable_to is None,
    )


def _handling(draw: random.Random) -> Condition:
    caveat = draw.choice(HANDLING)
    return Condition(
        f'"{caveat}" in label.handling', lambda _asker, label, _second: caveat in label.handling
    )


def _authority(draw: random.Random) -> Condition:
    name = draw.choice(AUTHORITIES)
    return Condition(
        f'"{name}" in label.authorities', lambda _asker, label, _second: name in label.authorities
    )


def _held_for_ever(draw: random.Random) -> Condition:
    name = draw.choice(AUTHORITIES)
    return Condition(
        f'"{name}" in input.principal.authorities',
        lambda asker, _label, _second: any(
            (one.name, one.not_before, one.not_after) == (name, None, None)
            for one in asker.principal.authorities
        ),
    )


def _purpose(draw: random.Random) -> Condition:
    purpose = draw.choice([*PURPOSES, "curiosity"])
    return Condition(
        f'input.purpose == "{purpose}"', lambda asker, _label, _second: asker.purpose == purpose
    )


def _role(draw: random.Random) -> Condition:
    role = draw.choice(ROLES)
    return Condition(
        f'"{role}" in input.principal.roles',
        lambda asker, _label, _second: role in asker.principal.roles,
    )


def _nationality(draw: random.Random) -> Condition:
    countries = draw.sample(COUNTRIES, 2)
    return Condition(
        f"input.principal.nationality in {_set(countries)}",
        lambda asker, _label, _second: asker.principal.nationality in countries,
    )


def _clearance(draw: random.Random) -> Condition:
    level = draw.choice(LEVELS)
    return Condition(
        f'input.principal.clearance == "{level}"',
        lambda asker, _label, _second: asker.principal.clearance == level,
    )


def _sign_in(draw: random.Random) -> Condition:
    acr = draw.choice(["strong", "phr", "weak"])
    return Condition(
        f'input.principal.acr == "{acr}"', lambda asker, _label, _second: asker.principal.acr == acr
    )


def _reason(draw: random.Random) -> Condition:
    return Condition(
        'trim_space(input.reason) == ""', lambda asker, _label, _second: not asker.reason.strip()
    )


def _parity(draw: random.Random) -> Condition:
    rest = draw.choice([0, 1])
    return Condition(f"second % 2 == {rest}", lambda _asker, _label, second: second % 2 == rest)


def _in_emergency(draw: random.Random) -> Condition:
    return Condition(
        "count([grant | some grant in input.principal.grants; grant.not_after > second]) > 0",
        lambda asker, _label, second: any(g.not_after > second for g in asker.principal.grants),
    )


def _set(names: Iterable[str]) -> str:
    return "{" + ", ".join(f'"{name}"' for name in names) + "}"


_CONDITIONS: list[Callable[[random.Random], Condition]] = [
    *(_level, _exact_level, _above_clearance, _compartment, _many_compartments, _own_compartments),
    *(_released, _unrestricted, _handling, _authority, _held_for_ever, _purpose, _role),
    *(_nationality, _clearance, _sign_in, _reason, _parity, _in_emergency),
]
