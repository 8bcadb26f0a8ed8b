"""Tenants' own rules can only narrow: what they say, or fail to say, opens nothing and touches nobody else."""

import random
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policy import (
    Act,
    Allowed,
    Asker,
    Authority,
    Call,
    Classification,
    Denied,
    Label,
    Misconfigured,
    Principal,
    Release,
    Unavailable,
)
from policy.build import main as build_main
from policy.bundle import load_bundle
from policy.embedded import EmbeddedEngine
from policy.narrowed import NarrowedEngine, TenantRules, tenant_rules
from tests.contract.tenant_rules import Tenant, a_tenant
from tests.contract.vectors import INSTALLATION, NOW, NOW_NS, a_call, a_label, an_act, an_asker

pytestmark = pytest.mark.anyio

_NO_OBJECTION = """
default refused := []

default unroutable := []
"""
Build = Callable[..., Path]


def clock() -> int:
    return NOW_NS


@pytest.fixture
async def base() -> AsyncIterator[EmbeddedEngine]:
    engine = EmbeddedEngine(installation=INSTALLATION, clock=clock)
    yield engine
    await engine.close()


@pytest.fixture
def built(opa_binary: Path, tmp_path: Path) -> Build:
    """Writes a tenant's module into a folder and builds it."""

    def build(module: str, name: str = "t1") -> Path:
        folder = tmp_path / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "rules.rego").write_text(module)
        assert build_main(["--opa", str(opa_binary), "--tenant", str(folder)]) == 0
        return folder

    return build


def module(closed: str, more: str = _NO_OBJECTION) -> str:
    return f"package tenant\n\n{closed}\n{more}"


STRICTER = module(
    """closed contains position if {
    some position, label in input.labels
    "KITE" in label.compartments
}""",
    """
refused contains "not at night" if input.act == "ask"

unroutable contains "no" if input.provider != "offline"
""",
)


def vectors(seed: int) -> tuple[Asker, list[Label]]:
    draw = random.Random(seed)
    return an_asker(draw), [a_label(draw) for _ in range(25)]


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
async def test_whatever_a_tenant_says_nothing_opens_that_was_closed(
    base: EmbeddedEngine, built: Build, seed: int
) -> None:
    draw = random.Random(seed)
    says = a_tenant(draw)
    acts = f'refused contains "x" if input.act == "{draw.choice(list(Act))}"'
    routes = f'unroutable contains "y" if input.classification == "{draw.choice("UCS")}"'
    folder = built(says.rego("tenant") + f"\n{acts}\n\n{routes}\n")
    rules = TenantRules(folder)
    engine = NarrowedEngine(base, {"t1": rules}, clock=clock)
    try:
        for vector in range(4):
            asker, labels = vectors(seed + vector)
            await assert_narrower_by(says, base, engine, asker, labels)
            await assert_nothing_else_opens(base, engine, asker, draw)
    finally:
        rules.close()


async def assert_narrower_by(
    says: Tenant, base: EmbeddedEngine, engine: NarrowedEngine, asker: Asker, labels: list[Label]
) -> None:
    """Exactly by what the tenant of the asker closes, over many labels and one by one."""
    own = asker.principal.tenant == "t1"
    opened = (await base.readable(asker, labels)).positions
    kept = {at for at in opened if not (own and says.closes(asker, labels[at], NOW))}
    assert (await engine.readable(asker, labels)).positions == kept
    decisions = await engine.may_read(asker, labels)
    assert {at for at, one in enumerate(decisions) if isinstance(one, Allowed)} == kept
    for at, label in enumerate(labels):
        assert (not await engine.obstacles(asker, label)) == (at in kept)


async def assert_nothing_else_opens(
    base: EmbeddedEngine, engine: NarrowedEngine, asker: Asker, draw: random.Random
) -> None:
    (act, subject), call = an_act(draw), a_call(draw)
    by_tenant = Denied(reason="tenant")
    allowed = await base.permits(asker, act, subject)
    assert await engine.permits(asker, act, subject) in (allowed, by_tenant)
    routed = await base.may_route(asker, call)
    assert await engine.may_route(asker, call) in (routed, by_tenant)
    assert await engine.fields(asker) == await base.fields(asker)


WHO = Asker(
    purpose="investigation",
    reason="case 12",
    principal=Principal(
        sub="ann",
        tenant="t1",
        clearance=Classification.TS,
        compartments=frozenset(["KITE", "HARBOR"]),
        roles=frozenset(["analyst"]),
        purposes=("investigation",),
    ),
)
OTHER = replace(WHO, principal=replace(WHO.principal, tenant="t2"))


def a(level: str, *compartments: str, tenant: str = "t1") -> Label:
    return Label(
        tenant=tenant,
        classification=Classification(level),
        compartments=frozenset(compartments),
    )


PLAIN, KITE = a("S", "HARBOR"), a("S", "KITE")


def call(provider: str, label: Label = PLAIN) -> Call:
    return Call(provider=provider, model="m", label=label)


async def test_a_tenant_closes_labels_refuses_acts_and_keeps_calls_from_providers(
    base: EmbeddedEngine, built: Build
) -> None:
    engine = NarrowedEngine(base, {"t1": TenantRules(built(STRICTER))}, clock=clock)
    by_tenant = Denied(reason="tenant")
    assert (await engine.readable(WHO, [KITE, PLAIN, a("U", tenant="t2")])).positions == {1}
    assert await engine.may_read(WHO, [KITE]) == [Denied(reason="label")]
    assert await engine.may_read(WHO, [PLAIN]) == [Allowed()]
    assert await engine.obstacles(WHO, KITE) == {"tenant"}
    assert await engine.obstacles(WHO, PLAIN) == frozenset()
    assert await engine.obstacles(WHO, a("S", "ORBIT")) == {"compartments"}
    assert await engine.permits(WHO, Act.ASK) == by_tenant
    assert await engine.permits(WHO, Act.SEARCH) == Allowed(step_up=False)
    assert await engine.permits(WHO, Act.INGEST) == Denied(reason="role")
    assert await engine.may_route(WHO, call("anthropic")) == by_tenant
    assert await engine.may_route(WHO, call("elsewhere")) != by_tenant
    assert await engine.may_route(WHO, call("offline")) == Allowed()
    assert await engine.may_use(WHO, "search", "asker") == Allowed()
    assert await engine.may_use(WHO, "search", "source") == Denied(reason="tool")
    released = await engine.may_release(WHO, cited=True, findings=[], strict=True)
    assert released is Release.RELEASE
    await engine.check()
    await engine.close()


async def test_other_tenants_are_left_as_they_are(base: EmbeddedEngine, built: Build) -> None:
    engine = NarrowedEngine(base, {"t1": TenantRules(built(STRICTER))}, clock=clock)
    labels = [a("S", "KITE", tenant="t2"), a("S", tenant="t2"), KITE]
    assert await engine.readable(OTHER, labels) == await base.readable(OTHER, labels)
    assert (await engine.readable(OTHER, labels)).positions == {0, 1}
    assert await engine.permits(OTHER, Act.ASK) == Allowed(step_up=False)
    assert await engine.may_route(OTHER, call("anthropic", labels[1])) == Allowed()
    assert engine.revision("t2") == base.revision("t2")
    await engine.close()


async def test_the_revision_is_of_the_releases_rules_and_the_tenants(
    base: EmbeddedEngine, built: Build
) -> None:
    one, two = built(STRICTER), built(module("closed := []"), "t3")
    engine = NarrowedEngine(base, {"t1": TenantRules(one), "t3": TenantRules(two)}, clock=clock)
    revisions = {engine.revision(tenant) for tenant in ("t1", "t2", "t3")}
    assert len(revisions) == 3
    assert all(len(revision) == 64 for revision in revisions)
    again = TenantRules(one)
    assert NarrowedEngine(base, {"t1": again}).revision("t1") == engine.revision("t1")
    again.close()
    await engine.close()


@pytest.mark.parametrize("base_until", [None, NOW + 1, NOW + 7])
async def test_what_a_tenant_says_is_kept_for_a_second_at_most(
    base: EmbeddedEngine, built: Build, base_until: int | None
) -> None:
    engine = NarrowedEngine(base, {"t1": TenantRules(built(STRICTER))}, clock=clock)
    held = frozenset([Authority(name="LEGAL", not_after=base_until)])
    who = replace(WHO, principal=replace(WHO.principal, authorities=held))
    assert (await base.readable(who, [PLAIN])).until_s == base_until
    assert (await engine.readable(who, [PLAIN])).until_s == NOW + 1
    await engine.close()


ENDLESS = """closed contains x if {
    some a in numbers.range(1, 3000)
    some b in numbers.range(1, 3000)
    a * b == 0
    x := a
}"""
BROKEN: list[str] = [
    module(
        "closed := [] if input.never",
        "refused := [] if input.never\n\nunroutable := [] if input.never",
    ),
    *(
        module(f"closed := {value}", f"refused := {value}\n\nunroutable := {value}")
        for value in (
            "true",
            "null",
            "{}",
            '"0"',
            "[[]]",
            "[0.5]",
            "[null]",
            '{"0": 0}',
            "{-1, 77}",
        )
    ),
    module(
        "closed := 1 if input.labels\n\nclosed := 2 if input.principal",
        "refused := 1 if input.act\n\nrefused := 2 if input.principal\n\n"
        "unroutable := 1 if input.provider\n\nunroutable := 2 if input.principal",
    ),
    module(
        ENDLESS,
        ENDLESS.replace("closed", "refused") + "\n\n" + ENDLESS.replace("closed", "unroutable"),
    ),
]
IDS = [
    "undefined",
    *"true null object text lists fraction nulls numbered out-of-range".split(),
    "conflict",
    "slow",
]


@pytest.mark.parametrize("broken", BROKEN, ids=IDS)
async def test_rules_that_give_no_answer_release_nothing(
    base: EmbeddedEngine, built: Build, broken: str
) -> None:
    engine = NarrowedEngine(base, {"t1": TenantRules(built(broken), timeout=0.3)}, clock=clock)
    try:
        for question in (
            engine.readable(WHO, [PLAIN]),
            engine.may_read(WHO, [PLAIN]),
            engine.obstacles(WHO, PLAIN),
            engine.permits(WHO, Act.SEARCH),
            engine.may_route(WHO, call("anthropic")),
        ):
            with pytest.raises(Unavailable) as refused:
                await question
            assert refused.value.dependency == "policy"
        assert await engine.may_read(OTHER, [a("S", tenant="t2")]) == [Allowed()]
    finally:
        await engine.close()


@pytest.mark.parametrize(
    "text",
    [
        "package copilot.read\n\nopens(label) if label",
        "package tenant.more\n\nclosed := []",
        "package tenants\n\nclosed := []",
        " package intelgraph.llm.route\n\nx := `\npackage tenant\n`\n",
        "package intelgraph # package tenant\n\nx := 1",
    ],
)
def test_a_module_of_another_package_is_refused_by_the_build(
    opa_binary: Path, tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rules.rego").write_text(module("closed := []"))
    (tmp_path / "more.rego").write_text(text)
    assert build_main(["--opa", str(opa_binary), "--tenant", str(tmp_path)]) == 1
    assert "more.rego must be of package tenant, and is of '" in capsys.readouterr().err
    assert not (tmp_path / "policy.wasm").exists()


def test_a_tenants_build_is_reproducible_and_checked(
    opa_binary: Path, built: Build, tmp_path: Path
) -> None:
    one, two = built(STRICTER, "one"), built(STRICTER, "two")
    for name in ("policy.wasm", "data.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes()
        assert str(tmp_path).encode() not in (one / name).read_bytes()
    check = ["--opa", str(opa_binary), "--tenant", str(one), "--check"]
    assert build_main(check) == 0
    with (one / "rules.rego").open("a") as rules:
        rules.write("\n")
    assert build_main(check) == 1


def test_rules_that_lack_an_entry_point_are_not_built(
    opa_binary: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rules.rego").write_text(module("closed := []", "refused := []\n"))
    assert build_main(["--opa", str(opa_binary), "--tenant", str(tmp_path)]) == 1
    assert "tenant/unroutable" in capsys.readouterr().err


def test_a_folder_that_cannot_be_used_is_refused_with_its_tenant(
    built: Build, tmp_path: Path
) -> None:
    asks_the_clock = built(module("closed contains 0 if time.now_ns() > 0"), "clock")
    changed = built(STRICTER, "changed")
    (changed / "rules.rego").write_text(module("closed := []"))
    (tmp_path / "empty").mkdir()
    for folder, fault in {
        tmp_path / "nowhere": "cannot read the policy folder",
        tmp_path / "empty": "has no sources",
        changed: "not built from the policy sources",
        asks_the_clock: "needs host builtins",
    }.items():
        with pytest.raises(Misconfigured, match=rf"^the policy of tenant 't1': .*{fault}"):
            tenant_rules({"t1": folder, "t2": None}, timeout=1)


async def test_only_tenants_that_have_a_folder_have_rules(built: Build) -> None:
    made = tenant_rules({"t1": built(STRICTER), "t2": None}, timeout=1)
    assert set(made) == {"t1"}
    assert made["t1"].hash == load_bundle(built(STRICTER)).hash
    made["t1"].close()


async def test_a_new_build_holds_from_the_next_question_on(
    base: EmbeddedEngine, built: Build
) -> None:
    open_label = Label(tenant="t1", classification=Classification.U)
    asker, nothing = an_asker_of("t1"), module("closed := set()")
    rules = TenantRules(built(nothing))
    engine = NarrowedEngine(base, {"t1": rules}, clock=clock)
    before = engine.revision("t1")
    assert await engine.may_read(asker, [open_label]) == [Allowed()]
    folder = built(module("closed contains position if some position, _ in input.labels"))
    assert await engine.may_read(asker, [open_label]) == [Denied(reason="label")]
    assert engine.revision("t1") != before
    with (folder / "data.json").open("ab") as broken:
        broken.write(b"{")
    with pytest.raises(Unavailable, match="build it again"):
        await engine.may_read(asker, [open_label])
    built(nothing)
    assert await engine.may_read(asker, [open_label]) == [Allowed()]
    rules.close()


def an_asker_of(tenant: str) -> Asker:
    principal = Principal(sub="ann", tenant=tenant, clearance=Classification.S)
    return Asker(principal=principal, purpose="investigation")
