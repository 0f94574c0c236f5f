"""The API's page for people, in a real browser: it filters, opens what the address names, and breaks no policy."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from playwright.sync_api import expect, sync_playwright

from aggregator.http.api.app import api_app
from aggregator.http.api.docs_page import docs_routes
from aggregator.http.api.openapi import document
from aggregator.http.api.problems import ApiTally
from aggregator.service.ports import serve
from tests.simulators.broker import free_port

CHROMIUM = "/usr/bin/chromium"
PATIENCE_MS = 60_000

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def page_url() -> Iterator[str]:
    """The page, served from a thread: the browser is waited for in this one."""
    loop, stop, begun, port = asyncio.new_event_loop(), asyncio.Event(), threading.Event(), free_port()

    async def run() -> None:
        async with AsyncExitStack() as stack:
            await serve(stack, api_app(docs_routes(document()), ApiTally()), "127.0.0.1", port)
            begun.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert begun.wait(60)
    yield f"http://127.0.0.1:{port}/api/v1/docs"
    loop.call_soon_threadsafe(stop.set)
    thread.join(30)
    loop.close()


def test_the_page_filters_and_opens_and_breaks_no_policy(page_url: str) -> None:
    said: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE_MS)
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{page_url}#counts")
        expect(page.locator("details#counts table").first).to_be_visible(timeout=PATIENCE_MS)
        page.fill("#filter", "picture redacted")
        expect(page.locator("details#counts")).to_be_hidden(timeout=PATIENCE_MS)
        expect(page.locator("details#picture")).to_be_visible(timeout=PATIENCE_MS)
        expect(page.locator("details#picture pre button")).to_have_text("Copy", timeout=PATIENCE_MS)
        browser.close()
    assert [text for text in said if "favicon" not in text and "404" not in text] == []
