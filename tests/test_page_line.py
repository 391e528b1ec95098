"""Sixteen browsers at once: everybody is served in order, sees a place, and nobody else's text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import test_page
from playwright.sync_api import Browser, Page, expect
from test_page import serving, visit

browser = test_page.browser
pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
BROWSERS = 16


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    # Short drafts: what is tested is the line, not the model.
    with serving(tmp_path_factory.mktemp("line"), CHATBOT_ANSWER_TOKENS="16") as found:
        yield found


def test_sixteen_browsers_are_served_in_order(browser: Browser, address: str) -> None:
    pages = [_open(browser, address) for _ in range(BROWSERS)]
    questions = [
        f"I am reader {n:02d}. How many times has Llama been downloaded?" for n in range(BROWSERS)
    ]
    for page, question in zip(pages, questions, strict=True):
        page.fill("#question textarea", question)
    for page in pages:
        page.press("#question textarea", "Enter")
        page.wait_for_selector("#live .turn")
    expect(pages[-1].locator("#live .status")).to_contain_text("before you")
    # Two leave: the line must not wait for them.
    gone = {3, 9}
    for place in gone:
        pages[place].context.close()
    ended = [
        pages[place].evaluate("window.ended") for place in range(BROWSERS) if place not in gone
    ]
    # To half a second, which is what sixteen browsers on a busy machine take to draw.
    assert all(later > earlier - 500 for earlier, later in itertools.pairwise(ended)), ended
    for place in range(BROWSERS):
        if place not in gone:
            text = pages[place].locator("#talk").inner_text()
            assert questions[place] in text
            assert text.count("reader ") == 1, "somebody else's question"
            pages[place].context.close()


def _open(browser: Browser, address: str) -> Page:
    page = browser.new_context(locale="en-GB").new_page()
    page.set_default_timeout(120_000)
    visit(page, address)
    page.evaluate("""() => {
        window.ended = new Promise((resolve) => new MutationObserver(() => {
            if (document.querySelector('#live .turn[aria-busy="false"]')) resolve(Date.now());
        }).observe(document.querySelector('#live'), {childList: true, subtree: true}));
    }""")
    return page
