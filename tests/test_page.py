"""The page in a real browser, on the real server with the real models and documents."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DOWNLOADS = "How many times has Llama been downloaded?"
AUSTRALIA = "What is the capital of Australia?"
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


def find_browser() -> str | None:
    named = os.environ.get("CHATBOT_CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


@contextlib.contextmanager
def serving(folder: Path, **settings: str) -> Iterator[str]:
    """The real server in a process of its own; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # An index that is there already spares the minute of building it; it is checked and mended.
    seed = Path(os.environ.get("CHATBOT_TEST_STORAGE", ROOT / "storage"))
    others = shutil.ignore_patterns("lock*", "conversations*", "own-documents")
    shutil.copytree(seed, folder / "storage", ignore=others)
    log = folder / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "chatbot", "serve", "--port", str(port),
             "--docs", str(ROOT / "docs"), "--storage", str(folder / "storage")],
            stdout=out, stderr=out, cwd=ROOT,
            # The page must show drafts, whatever the default model's verdict.
            env={"CHATBOT_WRITING": "leading", **os.environ, **settings},
        )  # fmt: skip
    try:
        found = f"http://{settings.get('CHATBOT_HOST', '127.0.0.1')}:{port}"
        while found not in log.read_text().replace("\n", ""):
            if process.poll() is not None:
                pytest.fail(f"the server ended: {log.read_text()}")
            time.sleep(0.2)
        yield found
    finally:
        process.terminate()
        process.wait(timeout=20)
    text = log.read_text()
    assert "Traceback" not in text, text
    assert DOWNLOADS not in text, "no question may be written to a log"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("page")) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium on PATH nor in CHATBOT_CHROMIUM, and CI must have one")
        pytest.skip("no Chromium: install it, or name it in CHATBOT_CHROMIUM")
    arguments = [
        "--no-sandbox", "--disable-gpu", "--disable-background-networking",
        "--disable-component-update", "--no-first-run", "--disable-sync",
    ]  # fmt: skip
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=arguments)
        yield launched
        launched.close()


# What gradio's own script says when a test leaves a page whose event stream is still open.
LEAVING = ("AbortError: signal is aborted", "Connection errored out")


class Recorded:
    """Every request and every complaint of a browser window."""

    def __init__(self, context: BrowserContext) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on(
            "console",
            lambda line: self.complaints.append(line.text) if line.type == "error" else None,
        )


@pytest.fixture
def recorded() -> list[Recorded]:
    return []


@pytest.fixture
def page(browser: Browser, address: str, recorded: list[Recorded]) -> Iterator[Page]:
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 850})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    record = Recorded(context)
    recorded.append(record)
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    visit(opened, address)
    yield opened
    context.close()
    away = [url for url in record.requests if not url.startswith((address, "data:", "blob:"))]
    assert away == []
    serious = [said for said in record.complaints if not any(mark in said for mark in LEAVING)]
    assert serious == []


def visit(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("html.ready")


def ask(page: Page, question: str, *, wait: bool = True) -> None:
    page.fill("#question textarea", question)
    page.press("#question textarea", "Enter")
    if wait:
        answered(page, question)


def answered(page: Page, question: str) -> None:
    done = page.locator('#live .turn[aria-busy="false"]', has_text=question)
    expect(done).to_be_visible(timeout=180_000)


def test_an_answer_streams_cites_and_marks_its_sentence(page: Page) -> None:
    ask(page, DOWNLOADS, wait=False)
    expect(page.locator(".turn").first).to_contain_text(DOWNLOADS)
    live = page.locator("#live .turn")
    # The quotes come at once, while the model has not finished.
    expect(live.locator(".chip").first).to_be_visible(timeout=20_000)
    assert live.get_attribute("aria-busy") == "true"
    expect(live.locator(".draft")).to_be_visible()
    answered(page, DOWNLOADS)
    expect(live.locator(".statement").first).to_contain_text("1.2 billion")
    expect(live.locator(".as-of")).to_have_text("as of 29 April 2025")
    source = live.locator(".sources li").first
    expect(source.locator(".source-title")).not_to_be_empty()
    expect(source.locator(".days")).to_contain_text("published")
    expect(source.locator("blockquote mark")).to_contain_text("1.2 billion")
    assert len(source.locator("blockquote").inner_text()) > len(
        source.locator("mark").inner_text()
    ), "the sentence stands in its passage"
    expect(live.locator(".draft")).to_have_count(0)


def test_what_the_documents_do_not_say_is_refused(page: Page) -> None:
    ask(page, AUSTRALIA)
    live = page.locator("#live .turn")
    expect(live.locator(".refusal")).to_have_text("The documents do not say.")
    expect(live.locator(".chip")).to_have_count(0)
    assert live.locator(".sources.nearest li").count() >= 1


def test_stop_ends_the_draft_within_a_moment(page: Page) -> None:
    ask(page, "When was LlamaCon held?", wait=False)
    expect(page.locator("#live .draft")).to_be_visible(timeout=20_000)
    page.click("#stop")
    pressed = time.monotonic()
    expect(page.locator('#live .turn[aria-busy="false"]')).to_be_visible(timeout=10_000)
    assert time.monotonic() - pressed < 2.5
    expect(page.locator("#send")).to_be_visible()


def test_new_conversation_clears(page: Page) -> None:
    ask(page, AUSTRALIA)
    page.click('[data-action="new"]')
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator("#welcome .title")).to_be_visible()


def test_markup_in_a_question_stays_text(page: Page) -> None:
    question = "<img src=x onerror=alert(1)><b>Llama</b> & <form action=//x>downloads?"
    ask(page, question)
    expect(page.locator("#live .asked")).to_contain_text(question)
    assert page.locator("#talk img, #talk form:not(.why), #talk b").count() == 0


def test_headers_and_hosts(address: str) -> None:
    with urllib.request.urlopen(address) as response:
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["X-Frame-Options"] == "DENY"
    foreign = urllib.request.Request(address, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(foreign)
