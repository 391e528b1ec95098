"""The model panel: switching among installed models, and a first start without any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import test_page
from playwright.sync_api import Browser, Page, expect
from test_page import DOWNLOADS, ROOT, answered, ask, serving, visit

from chatbot.models import find

browser = test_page.browser
page, recorded = test_page.page, test_page.recorded
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


def models_folder(folder: Path, *chat_names: str) -> Path:
    """A folder of models with the embedder, and the default chat model under some names."""
    folder.mkdir()
    embedder, chat = find("multilingual-e5-small"), find("smollm2-135m")
    assert embedder is not None
    assert chat is not None
    (folder / embedder.file).symlink_to(ROOT / "models" / embedder.file)
    for name in chat_names:
        (folder / (name or chat.file)).symlink_to(ROOT / "models" / chat.file)
    return folder


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("models")
    models = models_folder(folder / "models", "", "another.gguf")
    with serving(folder, CHATBOT_MODELS_DIR=str(models), CHATBOT_WRITING="quoting") as found:
        yield found


def choose(page: Page, name: str) -> None:
    """Pick a model in the drawer and wait until it is the one."""
    page.click('.bar [data-action="conversations"]')
    with page.expect_response(lambda r: r.url.endswith("/models") and r.request.method == "POST"):
        page.select_option("#model", name)
    expect(page.locator("#model")).to_be_enabled()
    expect(page.locator("#model")).to_have_value(name)


def let_write(page: Page) -> None:
    """A model that has not been shown to do as well as the quotes writes only when told to."""
    with page.expect_response(lambda r: r.url.endswith("/models") and r.request.method == "POST"):
        page.check("#anyway")
    expect(page.locator("#anyway")).to_be_checked()


def test_the_model_is_switched_in_the_page_and_back(page: Page) -> None:
    choose(page, "another")
    expect(page.locator(".models .licence").first).to_contain_text("pache-2.0")
    expect(page.locator(".models")).to_contain_text("another does not write")
    expect(page.locator("#writer")).to_have_text("Answers are quotes, word for word")
    let_write(page)
    page.keyboard.press("Escape")
    expect(page.locator("#writer")).to_contain_text("another · licence:")
    ask(page, DOWNLOADS, wait=False)
    expect(page.locator("#live .draft")).to_be_visible(timeout=20_000)
    answered(page, DOWNLOADS)
    choose(page, "")
    expect(page.locator(".models .licence")).to_contain_text("quotes, word for word")
    expect(page.locator("#anyway")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#writer")).to_have_text("Answers are quotes, word for word")
    page.click('#live [data-action="again"]')
    answered(page, DOWNLOADS)
    expect(page.locator("#live .statement").first).to_contain_text("1.2 billion")
    choose(page, "smollm2-135m")
    let_write(page)
    page.keyboard.press("Escape")
    expect(page.locator("#writer")).to_contain_text("smollm2-135m · licence:")


def test_only_what_is_installed_can_be_chosen(page: Page, address: str) -> None:
    post = page.request.post
    assert post(f"{address}/models", data={"name": "/etc/passwd"}).status == 404
    assert post(f"{address}/models", data={"name": "llama-3.1-8b"}).status == 404


def test_a_first_start_without_a_model_explains_and_quotes(
    tmp_path: Path, browser: Browser
) -> None:
    models = models_folder(tmp_path / "models")
    with (
        serving(tmp_path, CHATBOT_MODELS_DIR=str(models), CHATBOT_WRITING="quoting") as found,
        browser.new_context(locale="en-GB") as context,
    ):
        opened = context.new_page()
        visit(opened, found)
        notice = opened.locator("#welcome .notice")
        expect(notice).to_be_visible()
        expect(notice).to_contain_text("quotes, word for word")
        expect(notice).to_contain_text("chatbot models pull")
        expect(notice).not_to_contain_text(str(tmp_path))
        expect(opened.locator("#writer")).to_have_text("Answers are quotes, word for word")
        ask(opened, DOWNLOADS)
        expect(opened.locator("#live .statement").first).to_contain_text("1.2 billion")
        expect(opened.locator("#live .chip").first).to_be_visible()
        # Pulled meanwhile, it is there to be chosen without a restart.
        chat = find("smollm2-135m")
        assert chat is not None
        (models / chat.file).symlink_to(ROOT / "models" / chat.file)
        choose(opened, "smollm2-135m")
        let_write(opened)
        opened.keyboard.press("Escape")
        expect(opened.locator("#writer")).to_contain_text("smollm2-135m · licence:")
        visit(opened, found)
        expect(notice).to_be_hidden()
