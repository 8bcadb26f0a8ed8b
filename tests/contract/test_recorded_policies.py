"""A recorded policy decides again, on a recorded principal at a recorded moment, what it decided then."""

import json
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copilot.ledger.entry import canonical
from copilot.replay.decided import principal_of
from policy import Act, Allowed, Asker, BadInput, Call, Label, Principal, Unavailable
from policy.basis import Basis
from policy.build import main as build_main
from policy.bundle import Built, Bundle
from policy.embedded import EmbeddedEngine
from policy.narrowed import NarrowedEngine, TenantRules
from policy.recorded import RecordedPolicies
from policy.rego_engine import RegoEngine
from tests.contract.vectors import INSTALLATION, NOW_NS, a_call, a_label, an_asker

pytestmark = pytest.mark.anyio

RULES = """package tenant

closed contains position if {
	some position, label in input.labels
	"KITE" in label.compartments
}

closed contains position if {
	some position, label in input.labels
	label.classification == "S"
	input.now_ns % 2 == 0
}

refused contains "not by day" if input.act == "search"

unroutable contains "no" if input.provider == "google"
"""


@pytest.fixture(scope="module")
def rules(opa_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("t1")
    (folder / "rules.rego").write_text(RULES)
    assert build_main(["--opa", str(opa_binary), "--tenant", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
async def then(engine: RegoEngine, rules: Path) -> AsyncIterator[NarrowedEngine]:
    """What decided: either engine at one second, narrowed by one tenant's own rules."""
    own = TenantRules(rules)
    yield NarrowedEngine(engine, {"t1": own}, clock=lambda: NOW_NS)
    own.close()


@pytest.fixture(scope="module")
async def policies() -> AsyncIterator[RecordedPolicies]:
    kept = RecordedPolicies()
    yield kept
    kept.close()


def recorded(asker: Asker) -> Asker:
    """As it comes out of a record again."""
    written = json.loads(canonical(principal_of(asker)))
    return replace(asker, principal=Principal.from_input(written, where="a record"))


async def decisions(
    engine: NarrowedEngine, asker: Asker, labels: list[Label], calls: list[Call]
) -> object:
    return (
        engine.revision(asker.principal.tenant),
        await engine.may_read(asker, labels),
        [await engine.obstacles(asker, one) for one in labels[:5]],
        [await engine.permits(asker, act) for act in (Act.ASK, Act.SEARCH, Act.READ)],
        [await engine.may_route(asker, call) for call in calls],
        [
            await engine.may_release(asker, cited=True, findings=found, strict=strict)
            for found in ([], ["credential"], ["dropped_context"])
            for strict in (True, False)
        ],
    )


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
async def test_the_same_bundle_decides_the_same_again(
    then: NarrowedEngine, policies: RecordedPolicies, seed: int
) -> None:
    draw = random.Random(seed)
    asker, labels = an_asker(draw), [a_label(draw) for _ in range(25)]
    calls = [a_call(draw) for _ in range(3)]
    tenant = asker.principal.tenant
    again = await policies.engine(tenant, then.basis(tenant), NOW_NS)
    assert await decisions(again, recorded(asker), labels, calls) == await decisions(
        then, asker, labels, calls
    )


async def test_what_was_brought_back_names_what_it_decides_by_and_closes_nothing_of_others(
    then: NarrowedEngine, policies: RecordedPolicies
) -> None:
    basis, draw = then.basis("t1"), random.Random(6)
    first, second = [await policies.engine("t1", basis, NOW_NS) for _ in range(2)]
    assert first.basis("t1") == basis
    assert first.basis("t2") == replace(then.basis("t2"), reason_required=False)
    assert then.basis("t1").release is basis.release
    await first.close()
    assert await second.may_read(an_asker(draw, ["t1"]), [a_label(draw)])


async def test_it_decides_at_the_moment_of_then(policies: RecordedPolicies) -> None:
    engine = EmbeddedEngine(installation=INSTALLATION)
    now_s = NOW_NS // 1_000_000_000
    draw = random.Random(1)
    asker, label = an_asker(draw, ["t1"]), a_label(draw, ["t1"])
    principal = replace(
        asker.principal, revoked=False, clearance=label.classification, acr="strong",
        compartments=label.compartments, auth_time=now_s, grants=(),
    )  # fmt: skip
    label = replace(label, releasable_to=None, authorities=frozenset(), handling=frozenset(["PII"]))
    asker = replace(asker, principal=principal)
    basis = engine.basis("t1")
    await engine.close()
    for later_s, opens in ((0, True), (3600, True), (3602, False)):
        again = await policies.engine("t1", basis, NOW_NS + later_s * 1_000_000_000)
        [decision] = await again.may_read(asker, [label])
        assert isinstance(decision, Allowed) is opens, later_s


async def test_only_the_last_few_stay_loaded_and_each_comes_back(rules: Path) -> None:
    own, engine = TenantRules(rules), EmbeddedEngine()
    asker, labels = an_asker(random.Random(2), ["t1"]), [a_label(random.Random(3), ["t1"])]
    policies = RecordedPolicies()

    async def brought_back(turn: int) -> NarrowedEngine:
        bundle = Bundle(sources={"rules.rego": b"%d" % turn})
        other = Built(bundle=bundle, wasm=own.built().wasm)
        basis = Basis(revision="r", release=engine.built(), own=other)
        return await policies.engine("t1", basis, NOW_NS)

    for turn in [*range(6), 0]:
        again = await brought_back(turn)
        await again.may_read(asker, labels)
        assert len(policies._loaded) <= 4
    again = await brought_back(0)
    policies.close()
    own.close()
    await engine.close()
    with pytest.raises(Unavailable):
        await again.may_read(asker, labels)


async def test_a_bundle_that_cannot_be_loaded_decides_nothing(policies: RecordedPolicies) -> None:
    damaged = Built(bundle=Bundle(sources={"a.rego": b""}), wasm=b"no wasm")
    with pytest.raises(Unavailable, match=f"{damaged.sha256} cannot be loaded"):
        await policies.engine("t1", Basis(revision="r", release=damaged), NOW_NS)


async def test_a_sign_in_that_no_record_can_write_is_recorded_as_one_as_far_ahead() -> None:
    asker = an_asker(random.Random(4))
    ahead = replace(asker, principal=replace(asker.principal, auth_time=2**70))
    assert recorded(ahead).principal.auth_time == 2**53 - 1
    assert principal_of(ahead) | {"auth_time": 0} == ahead.principal.to_input() | {"auth_time": 0}


@pytest.mark.parametrize("missing", ["sub", "revoked", "grants", "clearance"])
def test_a_principal_that_is_none_is_refused(missing: str) -> None:
    written = an_asker(random.Random(5)).principal.to_input()
    del written[missing]
    with pytest.raises(BadInput):
        Principal.from_input(written, where="a record")
