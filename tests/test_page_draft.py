"""What a model writes is dim until it is checked, then solid with its chips, one by one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import test_page
import uvicorn
from playwright.sync_api import Page, expect
from scripted_model import ScriptedModel
from test_page import DOWNLOADS, answered, ask

from chatbot.chatbot import Chatbot
from chatbot.config import Config
from chatbot.web.application import create

browser = test_page.browser
page, recorded = test_page.page, test_page.recorded
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

RIGHT = "As of 29 April 2025, Llama had been downloaded 1.2 billion times."


@pytest.fixture(scope="module")
def chatbot(corpus_config: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chatbot]:
    with Chatbot.open(corpus_config.model_copy(update={"chat_model": "none"})) as opened:
        yield opened


@pytest.fixture(scope="module")
def address(chatbot: Chatbot) -> Iterator[str]:
    """The real application in this process, so that its model can be held up half way."""
    server = uvicorn.Server(uvicorn.Config(create(chatbot), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=10)


def test_a_sentence_turns_solid_while_the_next_is_still_dim(
    page: Page, chatbot: Chatbot, address: str
) -> None:
    go_on = [threading.Event(), threading.Event()]
    chatbot.model = ScriptedModel([
        "As of 29 April 2025, Llama had", go_on[0], " been downloaded 1.2 billion times.",
        " It has 99 trillion", go_on[1], " users. [3]",
    ])  # fmt: skip
    chatbot.writing = "leading"
    page.goto(address)
    page.wait_for_selector("html.ready")
    ask(page, DOWNLOADS, wait=False)
    draft = page.locator("#live .draft")
    expect(draft.locator(".unchecked")).to_have_text("As of 29 April 2025, Llama had")
    expect(draft.locator(".statement")).to_have_count(0)
    go_on[0].set()
    expect(draft.locator(".statement")).to_contain_text(RIGHT)
    expect(draft.locator(".statement .chip")).to_have_count(1)
    expect(draft.locator(".unchecked")).to_have_text("It has 99 trillion")
    assert page.locator("#live .turn").get_attribute("aria-busy") == "true"
    # Each chip leads to a source that is listed under that number already.
    for chip in page.locator("#live .chip").all():
        number = chip.get_attribute("data-citation")
        source = page.locator(f'#live .sources li[value="{number}"] .source-title')
        assert source.get_attribute("href") == chip.get_attribute("href")
    solid, dim = (
        draft.locator(name).first.evaluate("element => getComputedStyle(element).color")
        for name in (".statement", ".unchecked")
    )
    assert solid != dim
    go_on[1].set()
    answered(page, DOWNLOADS)
    expect(page.locator("#live .answer .statement").first).to_contain_text(RIGHT)
    expect(page.locator("#live .answer")).not_to_contain_text("99 trillion")
    page.locator("#live .how summary").click()
    expect(page.locator("#live .dropped")).to_contain_text("99 trillion")
