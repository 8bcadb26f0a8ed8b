"""`copilot policy test|diff|explain`: what a policy says, and what another would change before it goes live."""

import json
import tempfile
from argparse import Namespace
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg

from copilot.app import engine_of
from copilot.commands.asker import as_asker, asker, principals
from copilot.commands.opened import ready_url
from copilot.settings import Settings
from policy.build import build, build_tenant, run_opa
from policy.bundle import Bundle, installed, load_bundle
from policy.comparison import Change, Difference, compare
from policy.embedded import EmbeddedEngine
from policy.engine import PolicyEngine
from policy.errors import BadInput, Unavailable
from policy.installation import Installation
from policy.labels import Label
from policy.markings import portion
from policy.narrowed import NarrowedEngine, TenantRules
from policy.principal import Asker

_OBSTACLES = {
    "revoked": "their access has been revoked",
    "label": "the label is not understood in full",
    "tenant": "it belongs to another tenant, or the tenant's own policy closes it",
    "clearance": "their clearance is lower",
    "compartments": "they do not hold every compartment",
    "authorities": "they do not hold every authority now",
    "releasability": "it is not releasable to their nationality",
    "sign-in": "it needs a strong sign-in of the last hour",
}


async def test(settings: Settings, options: Namespace) -> int:
    """Checks a bundle and runs the tests beside its rules: the release's, or the folder's."""
    folder = str(options.folder or installed())
    run_opa(settings.opa, "check", "--strict", folder)
    print(run_opa(settings.opa, "test", "--verbose", folder), end="")
    return 0


async def diff(settings: Settings, options: Namespace) -> int:
    """Says which labels and acts the folder's bundle would open or close, and for whom."""
    labels = await _labels(await ready_url(settings), _EVERY)
    people = {sub: as_asker(who) for sub, who in principals(settings.principals).items()}
    async with _candidate(settings, options.folder, options.tenant) as (now, then):
        found = await compare(now, then, people, labels)
    if options.json:
        print(json.dumps(found.to_json()))
    else:
        _show(found)
    return 0


async def explain(settings: Settings, options: Namespace) -> int:
    """Says of a label, or of each part of a document, whether somebody may read it, and else why not."""
    who = asker(settings, options)
    engine = engine_of(settings)
    try:
        explained = [
            await _explained(engine, who, label) for label in await _asked(settings, options, who)
        ]
    finally:
        await engine.close()
    if options.json:
        print(json.dumps(explained))
    else:
        _say(explained)
    return 0


@asynccontextmanager
async def _candidate(
    settings: Settings, folder: Path, tenant: str | None
) -> AsyncIterator[tuple[PolicyEngine, PolicyEngine]]:
    """The engine of today, and the one with the folder's bundle; built here, so that nothing goes live."""
    now = engine_of(settings)
    with tempfile.TemporaryDirectory() as scratch:
        built = _built(settings.opa, load_bundle(folder), Path(scratch), tenant)
        base = EmbeddedEngine(
            installed() if tenant else built,
            installation=Installation.read(settings.tenants, settings.accreditations),
        )
        then = NarrowedEngine(base, {tenant: TenantRules(built)} if tenant else {})
        try:
            yield now, then
        finally:
            await then.close()
            await now.close()


def _built(opa: str, bundle: Bundle, scratch: Path, tenant: str | None) -> Path:
    make = build_tenant if tenant else build
    for name, content in (*bundle.sources.items(), *make(opa, bundle).items()):
        (scratch / name).write_bytes(content)
    return scratch


async def _asked(settings: Settings, options: Namespace, who: Asker) -> list[Label]:
    tenant = who.principal.tenant
    if options.label is not None:
        return [Label.from_json(_json(options.label), tenant=tenant, where="--label")]
    found = await _labels(await ready_url(settings), _OF_DOCUMENT, (options.document, tenant))
    if not found:
        raise BadInput(f"tenant {tenant!r} has no document or part {options.document!r}")
    return found


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadInput(f"--label is not JSON: {error}") from error


async def _explained(engine: NarrowedEngine, who: Asker, label: Label) -> dict[str, Any]:
    obstacles = sorted(await engine.obstacles(who, label))
    return {"label": label.to_json(), "opens": not obstacles, "obstacles": obstacles}


_EVERY = "SELECT value FROM labels ORDER BY canonical"
_OF_DOCUMENT = """
    SELECT DISTINCT l.value, l.canonical FROM documents d JOIN parts p USING (document_key)
    JOIN labels l ON l.label_id IN (p.label_id, d.label_id)
    WHERE %s IN (d.document_id, p.part_id) AND d.tenant = %s ORDER BY l.canonical
"""


async def _labels(url: str, query: str, values: Sequence[str] = ()) -> list[Label]:
    """As the owner of the database, who sees every label there is."""
    try:
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=5) as connection:
            rows = await (await connection.execute(query, values)).fetchall()
    except psycopg.OperationalError as error:
        raise Unavailable("postgres", "cannot read the labels; see DATABASE_URL") from error
    return [Label.from_json(row[0], tenant="", where="stored label") for row in rows]


def _show(found: Difference) -> None:
    parts: Mapping[str, Sequence[Change]] = {
        "opens": found.opens,
        "closes": found.closes,
        "opens act": found.acts_opened,
        "closes act": found.acts_closed,
    }
    for verb, changes in parts.items():
        for one in changes:
            print(f"{verb}  {one.subject}  for  {', '.join(one.subs)}")
    changed = sum(len(changes) for changes in parts.values())
    print(f"{changed} changes in {found.compared} decisions")


def _say(explained: Sequence[Mapping[str, Any]]) -> None:
    for one in explained:
        mark = portion(Label.from_json(one["label"], tenant="", where="label"))
        print(f"{mark}  {'open' if one['opens'] else 'closed'}")
        for obstacle in one["obstacles"]:
            print(f"  {_OBSTACLES[obstacle]}")
