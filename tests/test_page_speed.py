"""How soon the page can be used, and how soon a reader who leaves makes room for the next."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest
import test_page
from playwright.sync_api import Browser, Page, expect
from test_page import AUSTRALIA, DOWNLOADS, ask, serving, visit

address, browser = test_page.address, test_page.browser
page, recorded = test_page.page, test_page.recorded
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

# The promised times (2 s, 0.1 s, 0.4 s) are those of a machine with nothing else to do; here they
# may double.
PATIENCE = 2


def test_the_page_can_be_used_soon_after_the_server_is_up(browser: Browser, address: str) -> None:
    taken = []
    for _ in range(3):
        with browser.new_context() as context:
            started = time.perf_counter()
            opened = context.new_page()
            visit(opened, address)
            opened.fill("#question textarea", "What is Llama?")
            taken.append(time.perf_counter() - started)
    assert statistics.median(taken) < 2 * PATIENCE, taken


def test_the_first_sign_and_the_evidence_come_quickly(page: Page) -> None:
    ask(page, AUSTRALIA)
    page.evaluate("""() => {
        const seen = window.seen = {};
        const look = () => {
            const now = performance.now();
            const turn = [...document.querySelectorAll('.turn')].pop();
            if (seen.start && turn?.textContent.includes(seen.question)) {
                seen.sign ??= now - seen.start;
                if (turn.querySelector('.chip')) seen.evidence ??= now - seen.start;
            }
            requestAnimationFrame(look);
        };
        document.addEventListener('keydown', (event) => {
            if (event.key === 'Enter') seen.start = performance.now();
        }, true);
        look();
    }""")
    signs, evidence = [], []
    for question in (DOWNLOADS, "When was LlamaCon held?", "Who decided Kadrey v. Meta?"):
        page.evaluate(
            "question => Object.assign(seen, {question, sign: null, evidence: null})", question
        )
        ask(page, question)
        seen = page.evaluate("window.seen")
        signs.append(seen["sign"])
        evidence.append(seen["evidence"])
    assert statistics.median(signs) < 100 * PATIENCE, signs
    assert statistics.median(evidence) < 400 * PATIENCE, evidence


def test_closing_a_tab_frees_the_model(browser: Browser, page: Page, address: str) -> None:
    leaving = browser.new_context()
    other = leaving.new_page()
    visit(other, address)
    ask(other, DOWNLOADS, wait=False)
    expect(other.locator("#live .draft")).to_be_visible(timeout=20_000)
    # While it writes, the next one waits in the line.
    ask(page, "When was LlamaCon held?", wait=False)
    expect(page.locator("#live .status")).to_contain_text("1 before you")
    leaving.close()
    closed = time.perf_counter()
    expect(page.locator("#live .chip").first).to_be_visible(timeout=30_000)
    assert time.perf_counter() - closed < 3


def test_the_server_ends_quietly_and_soon_with_pages_open(tmp_path: Path, browser: Browser) -> None:
    with browser.new_context() as first, browser.new_context() as second:
        with serving(tmp_path) as found:  # its end reads the log: no traceback, no question
            for context in (first, second):
                visit(context.new_page(), found)
            ended = time.perf_counter()
        assert time.perf_counter() - ended < 10
