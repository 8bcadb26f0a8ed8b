"""Health, readiness, metrics, security headers, and the query page of the demo."""

import asyncio
import re

import httpx2
import pytest

from copilot.projection.backlog import Backlog
from copilot.results import Usage
from copilot.telemetry import Metrics
from tests.unit.api.fakes import ANN, FakeCopilot
from tests.unit.api.live import bearer, operation, post


def test_ready_when_every_dependency_is(server: str, copilot: FakeCopilot) -> None:
    response = httpx2.get(f"{server}/readyz")
    assert (response.status_code, response.json()["ready"]) == (200, True)


@pytest.mark.parametrize("state", [{"postgres": "ok", "policy": "OPA does not answer"}, {}])
def test_not_ready_says_what_is_wrong(
    server: str, copilot: FakeCopilot, state: dict[str, str]
) -> None:
    copilot.state = state
    response = httpx2.get(f"{server}/readyz")
    assert response.status_code == 503
    assert response.json() == {"ready": False, "dependencies": state}
    assert httpx2.get(f"{server}/healthz").status_code == 200


def test_a_check_that_fails_is_not_ready_and_says_no_more(
    server: str, copilot: FakeCopilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> dict[str, str]:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(copilot, "ready", broken, raising=False)
    response = httpx2.get(f"{server}/readyz")
    assert response.status_code == 503
    assert "hunter2" not in response.text


def test_a_check_that_hangs_is_not_ready(
    server: str, copilot: FakeCopilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs() -> dict[str, str]:
        await asyncio.sleep(60)
        return {"postgres": "ok"}

    monkeypatch.setattr("copilot.api.server.READY_S", 0.1)
    monkeypatch.setattr(copilot, "ready", hangs, raising=False)
    assert httpx2.get(f"{server}/readyz", timeout=5).status_code == 503


def test_metrics_of_everything_that_operators_watch() -> None:
    metrics = Metrics()
    metrics.stage("vector", 0.02)
    metrics.outcome("ask", "Answer")
    metrics.tokens("anthropic", "m", Usage(input_tokens=5, output_tokens=2, cost_usd=0.25))
    metrics.tokens("anthropic", "m", Usage(input_tokens=1, cost_usd=None))
    metrics.denied("ask")
    metrics.recheck_mismatches(2)
    metrics.dropped("citation", 3)
    metrics.unsealed(2.5)
    metrics.graph_behind(
        Backlog(state="kept", changes=4, seconds=1.5, set_aside=0, records=7, records_seconds=2.5)
    )
    text = metrics.exposition().decode()
    for line in (
        'copilot_stage_seconds_count{stage="vector"} 1.0',
        'copilot_outcomes_total{act="ask",kind="Answer"} 1.0',
        'copilot_tokens_total{direction="input",model="m",provider="anthropic"} 6.0',
        'copilot_cost_usd_total{model="m",provider="anthropic"} 0.25',
        'copilot_unpriced_calls_total{model="m",provider="anthropic"} 1.0',
        'copilot_policy_denials_total{act="ask"} 1.0',
        "copilot_recheck_mismatches_total 2.0",
        'copilot_dropped_sentences_total{reason="citation"} 3.0',
        "copilot_ledger_oldest_unsealed_seconds 2.5",
        'copilot_graph_waiting{what="changes"} 4.0',
        'copilot_graph_behind_seconds{what="changes"} 1.5',
        'copilot_graph_waiting{what="records"} 7.0',
        'copilot_graph_behind_seconds{what="records"} 2.5',
    ):
        assert line in text
    assert "anthropic" not in Metrics().exposition().decode()


def test_requests_are_counted_by_known_routes_only(server: str) -> None:
    httpx2.get(f"{server}/some-secret-path")
    text = httpx2.get(f"{server}/metrics").text
    assert 'route="other",status="404"' in text
    assert "some-secret-path" not in text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/nothing"])
def test_each_response_has_security_headers(server: str, path: str) -> None:
    response = httpx2.get(f"{server}{path}")
    for name, value in {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "x-permitted-cross-domain-policies": "none",
    }.items():
        assert response.headers[name] == value
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert {"camera=()", "microphone=()", "geolocation=()"} <= set(
        response.headers["permissions-policy"].split(", ")
    )
    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-trace-id"])
    assert "server" not in response.headers
    assert "access-control-allow-origin" not in response.headers


def test_graphql_has_them_too(server: str) -> None:
    response = post(server, operation("Me"), headers=bearer(ANN))
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_outside_the_demo_there_is_no_page(server: str) -> None:
    for path in ("/graphql", "/graphql/page.js", "/graphql/page.json"):
        assert httpx2.get(f"{server}{path}").status_code in {404, 405}


def test_the_page_needs_nothing_from_elsewhere(demo: str) -> None:
    page = httpx2.get(f"{demo}/", follow_redirects=True)
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert parts == ["/graphql/page.css", "/graphql/page.js"]
    texts = [page.text, *(httpx2.get(f"{demo}{part}").text for part in parts)]
    assert not [text for text in texts if "//" in text.replace("// ", "") and "http" in text]
    assert not re.search(r"<script>|<style>|\son\w+=|innerHTML|eval\(", "".join(texts))


def test_the_page_offers_principals_and_operations(demo: str) -> None:
    contents = httpx2.get(f"{demo}/graphql/page.json").json()
    assert contents["principals"] == ["ann", "lee"]
    assert contents["operations"]["Ask"] == operation("Ask")
