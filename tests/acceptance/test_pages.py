"""Both pages in a real Chromium: what somebody does on the demo's, and what of an answer's own page is seen."""

import json
import unicodedata
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from pypdf import PdfReader

from copilot.provenance.account import Account
from copilot.provenance.page import page as provenance_page
from copilot.settings import Settings
from tests.servers import chromium
from tests.servers import postgres as postgres_server
from tests.servers.product import serve
from tests.unit.provenance.entries import TEXTS, recorded, told

pytestmark = pytest.mark.anyio

QUESTION = "Who really controls Alder Shipping Ltd?"
HOSTILE = "<script>document.title = 'taken over'</script><img src='http://127.0.0.1:9/x'>"
NARROW = 400
"""Pixels: a telephone's."""


@dataclass(slots=True)
class Seen:
    """A page that is open, what it asked for, and what went wrong in it."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(30_000)
        self.page.on("request", lambda one: self.requests.append(one.url))
        self.page.on("pageerror", lambda one: self.errors.append(str(one)))
        self.page.on(
            "console", lambda one: self.errors.append(one.text) if one.type == "error" else None
        )


@pytest.fixture(scope="module")
def demo(
    postgres: str,
    case_file_template: str,
    models_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    uri = postgres_server.clone(postgres, case_file_template)
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("demo"),
        models_dir=models_dir,
        database_url=uri,
        policy_timeout_s=10.0,
    )
    with serve(settings, demo=True) as live:
        yield live.base_url
    postgres_server.drop(postgres, uri)


@pytest.fixture
async def seen() -> AsyncIterator[Seen]:
    async with chromium.browser() as browser:
        yield Seen(await browser.new_page())


async def opened(seen: Seen, demo: str, operation: str, variables: dict[str, str]) -> Page:
    """The demo's page with the operation chosen and its variables filled in."""
    page = seen.page
    await page.goto(demo)
    await expect(page.locator("#docs h2").first).to_have_text("Query")
    await page.select_option("#operation", operation)
    given = json.loads(await page.input_value("#variables"))
    await page.fill("#variables", json.dumps(given | variables))
    return page


async def ran(page: Page) -> str:
    """What stands in the result once the operation is through."""
    await expect(page.locator("#status")).to_contain_text("HTTP 200", timeout=30_000)
    return await page.inner_text("#result")


async def test_somebody_asks_and_reads_the_answer(seen: Seen, demo: str) -> None:
    page = await opened(seen, demo, "Ask", {"question": QUESTION})
    await page.select_option("#principal", "lead")
    await page.click("#run")
    answer = json.loads(await ran(page))["data"]["ask"]
    assert answer["__typename"] == "Answer"
    assert all(one["citations"] for one in answer["sentences"])
    assert seen.errors == []


async def test_who_asks_is_who_was_chosen(seen: Seen, demo: str) -> None:
    page = await opened(seen, demo, "Me", {})
    for name in ("lead", "liaison"):
        await page.select_option("#principal", name)
        await page.press("#query", "Control+Enter")
        await expect(page.locator("#result")).to_contain_text(f'"{name}"')


async def test_a_stream_is_read_to_its_end(seen: Seen, demo: str) -> None:
    page = await opened(seen, demo, "AskStream", {"question": QUESTION})
    await page.select_option("#principal", "lead")
    await page.click("#run")
    result = await ran(page)
    assert result.index('"Sentence"') < result.index('"Answer"')
    assert seen.errors == []


async def test_variables_that_are_no_json_are_named_and_nothing_is_sent(
    seen: Seen, demo: str
) -> None:
    page = await opened(seen, demo, "Ask", {})
    sent = len(seen.requests)
    await page.fill("#variables", '{"question": ')
    await page.click("#run")
    await expect(page.locator("#status")).to_contain_text("The variables are no JSON")
    assert len(seen.requests) == sent


async def test_the_schema_is_searched(seen: Seen, demo: str) -> None:
    page = await opened(seen, demo, "Ask", {})
    await page.fill("#search", "whoSaw")
    await expect(page.locator("#docs")).to_contain_text("whoSaw(")
    await page.fill("#search", "no such thing")
    await expect(page.locator("#docs h2")).to_have_count(0)


async def test_what_is_asked_becomes_no_part_of_the_page(seen: Seen, demo: str) -> None:
    page = await opened(seen, demo, "Ask", {"question": HOSTILE})
    await page.click("#run")
    await ran(page)
    assert await page.title() == "Copilot: GraphQL"
    assert await page.locator("#result *").count() == 0
    assert all(url.startswith(demo) for url in seen.requests)


@pytest.mark.parametrize("width", [NARROW, 1280])
async def test_an_answers_page_is_read_alone(seen: Seen, tmp_path: Path, width: int) -> None:
    """From a file, as in a case file: it asks nobody for anything, and nothing of it is cut off."""
    file = tmp_path / "answer.html"
    file.write_bytes(provenance_page(account(HOSTILE)))
    await seen.page.set_viewport_size({"width": width, "height": 900})
    await seen.page.goto(file.as_uri())
    assert HOSTILE in await seen.page.inner_text("main")
    assert await seen.page.title() != "taken over"
    assert await seen.page.locator("script, img").count() == 0
    assert await seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.requests == [file.as_uri()]
    assert seen.errors == []


async def test_each_sheet_of_an_answers_page_bears_the_marking_at_both_ends(
    seen: Seen, tmp_path: Path
) -> None:
    file = tmp_path / "answer.html"
    file.write_bytes(provenance_page(account(QUESTION)))
    await seen.page.goto(file.as_uri())
    sheets = PdfReader(BytesIO(await seen.page.pdf())).pages
    assert len(sheets) > 1
    for sheet in sheets:
        written = unicodedata.normalize("NFKC", sheet.extract_text()).strip()
        first, *_, last = map(str.strip, written.splitlines())
        assert first == last == "Classification of this page: TS"


def account(question: str) -> Account:
    """Of an entry in which that was asked."""
    return told(recorded(TEXTS | {"question": question}))
