"""What surrounds an answer on the page: sources, documents, conversations, languages, sizes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import test_page
from playwright.sync_api import Browser, Page, expect
from test_page import AUSTRALIA, DOWNLOADS, answered, ask, visit

from chatbot import documents
from chatbot.evaluation.datasets import load_dataset, missing_quotes
from chatbot.evaluation.drafts import feedback_cases

address, browser = test_page.address, test_page.browser
page, recorded = test_page.page, test_page.recorded
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parent.parent
AXE = (os.environ.get("CHATBOT_AXE", ""), ROOT / "node_modules/axe-core/axe.min.js")


def test_a_chip_opens_the_document_at_the_marked_sentence(page: Page, address: str) -> None:
    ask(page, DOWNLOADS)
    chip = page.locator("#live .chip").first
    quoted = page.locator("#live .sources mark").first.inner_text()
    chip.focus()
    page.keyboard.press("Enter")
    mark = page.locator("#panel #cited")
    expect(mark).to_be_in_viewport()
    assert mark.inner_text() == quoted
    expect(page.locator("#panel h1")).not_to_be_empty()
    expect(page.locator("#panel .days")).to_contain_text("published")
    first = page.locator("#panel-title").inner_text()
    page.keyboard.press("n")
    expect(page.locator("#panel-title")).not_to_have_text(first)
    page.keyboard.press("p")
    expect(page.locator("#panel-title")).to_have_text(first)
    # Its own link opens the same place in another tab.
    page.click('#panel [data-action="link"]')
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{address}/documents/")
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    expect(chip).to_be_focused()
    other = page.context.new_page()
    other.goto(link)
    expect(other.locator("#cited")).to_be_in_viewport()
    assert other.locator("#cited").inner_text() == quoted


def test_documents_are_browsed_and_searched(page: Page, address: str) -> None:
    page.click('.bar a[href="/documents"]')
    assert page.locator(".catalogue li").count() == len(list((ROOT / "docs").glob("*.md")))
    page.fill("#find", "Behemoth")
    page.press("#find", "Enter")
    assert 0 < page.locator(".catalogue li").count() < 31
    expect(page.locator(".excerpt mark").first).to_have_text("Behemoth")
    page.locator(".catalogue a").first.click()
    expect(page.locator("#cited")).to_be_in_viewport()


def test_other_values_are_shown_with_a_chart(page: Page) -> None:
    ask(page, DOWNLOADS)
    card = page.locator("#live .others")
    expect(card).to_contain_text("650 million")
    expect(card.locator("svg.timeline circle")).to_have_count(3)


def test_a_follow_up_says_what_was_searched(page: Page) -> None:
    ask(page, DOWNLOADS)
    ask(page, "And in December 2024?")
    expect(page.locator("#live .searched")).to_contain_text("downloaded")
    expect(page.locator("#transcript .turn")).to_have_count(1)


def test_copy_edit_and_ask_again(page: Page) -> None:
    ask(page, DOWNLOADS)
    page.click('#live [data-action="copy"]')
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "1.2 billion" in copied
    assert "[1]" in copied
    before = page.locator("#live .turn").get_attribute("data-answer")
    page.click('#live [data-action="again"]')
    expect(page.locator("#live .turn")).not_to_have_attribute("data-answer", str(before))
    answered(page, DOWNLOADS)
    page.click('#live [data-action="edit"]')
    expect(page.locator("#question textarea")).to_have_value(DOWNLOADS)
    expect(page.locator(".turn")).to_have_count(0)


def test_how_it_was_checked_is_one_click_away(page: Page) -> None:
    ask(page, AUSTRALIA)
    how = page.locator("#live details.how")
    expect(how.locator("p").first).to_be_hidden()
    how.locator("summary").click()
    expect(how.locator("p").first).to_contain_text("%")


def test_a_conversation_is_kept_found_renamed_exported_and_deleted(
    page: Page, address: str
) -> None:
    ask(page, AUSTRALIA)
    page.reload()
    answered(page, AUSTRALIA)
    page.click('.bar [data-action="conversations"]')
    row = page.locator(".conversations li")
    expect(row).to_have_count(1)
    page.once("dialog", lambda dialog: dialog.accept("Down under"))
    row.locator('[data-action="rename"]').click()
    expect(row.locator(".open")).to_have_text("Down under")
    page.fill("#drawer input", "nothing like it")
    expect(page.locator(".conversations .none")).to_be_visible()
    page.fill("#drawer input", "australia")
    with page.expect_download() as download:
        row.locator("a").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert text.startswith("# Down under")
    assert "The documents do not say." in text
    page.once("dialog", lambda dialog: dialog.accept())
    row.locator('[data-action="delete"]').click()
    expect(page.locator(".conversations .none")).to_be_visible()
    expect(page.locator(".turn")).to_have_count(0)


def test_ratings_become_evaluation_cases(page: Page, tmp_path: Path) -> None:
    """What the page exports is what `chatbot eval run` and `eval draft --feedback` read."""
    ask(page, DOWNLOADS)
    page.click('#live [data-action="good"]')
    expect(page.locator("#live .thanks")).to_be_visible()
    ask(page, AUSTRALIA)
    page.click('#live [data-action="good"]')
    expect(page.locator("#live .thanks")).to_be_visible()
    page.click('#live [data-action="bad"]')
    page.fill("#live .why input", "It should know")
    page.press("#live .why input", "Enter")
    expect(page.locator("#live .thanks")).to_be_visible()
    page.click('.bar [data-action="conversations"]')
    with page.expect_download() as download:
        page.click(".cases")
    exported = tmp_path / "cases.jsonl"
    download.value.save_as(exported)
    good, bad = load_dataset(exported).cases
    assert good.question == DOWNLOADS
    assert good.data["answerable"] is True
    assert "1.2 billion" in good.data["answers"][0]
    texts = {file.doc: documents.read(file).text for file in documents.scan(ROOT / "docs")[0]}
    assert missing_quotes([good], texts.get) == []
    assert (bad.question, bad.data["reason"]) == (AUSTRALIA, "It should know")
    assert bad.history[0].content == DOWNLOADS
    (draft,) = feedback_cases(exported)
    assert draft["question"] == AUSTRALIA
    assert draft["draft"] is True


def test_nobody_reads_anothers_conversation(page: Page, browser: Browser, address: str) -> None:
    ask(page, AUSTRALIA)
    page.wait_for_function("location.hash.length > 30")
    with browser.new_context() as stranger:
        other = stranger.new_page()
        visit(other, page.url)
        other.wait_for_timeout(1000)
        expect(other.locator(".turn")).to_have_count(0)
        name = page.url.rpartition("#")[2]
        assert other.request.get(f"{address}/conversations").json() == []
        assert other.request.get(f"{address}/conversations/{name}/export.md").status == 404


def test_the_model_panel_names_the_model_and_its_licence(page: Page) -> None:
    page.click('.bar [data-action="conversations"]')
    expect(page.locator(".models .licence")).to_contain_text("pache-2.0")
    expect(page.locator(".models")).not_to_contain_text("Built with Llama")


def test_french_dark_and_phone_width(browser: Browser, address: str) -> None:
    with browser.new_context(
        locale="fr-FR", color_scheme="dark", viewport={"width": 390, "height": 844}
    ) as context:
        phone = context.new_page()
        visit(phone, address)
        expect(phone.locator("#welcome .title")).to_contain_text("Interroger")
        expect(phone.locator("#question textarea")).to_have_attribute(
            "placeholder", "Posez une question"
        )
        question = "Combien de paramètres compte Llama 4 Maverick ?"
        ask(phone, question)
        expect(phone.locator("#live .sources h3").first).to_have_text("Sources", ignore_case=True)
        expect(phone.locator("#live .days").first).to_contain_text("publié le")
        width = phone.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, "nothing is wider than the phone"
        colour = phone.evaluate("getComputedStyle(document.body).backgroundColor")
        assert colour == "rgb(21, 23, 26)"


def test_an_example_is_asked_by_a_click(page: Page) -> None:
    example = page.locator(".sample:visible").first
    question = example.inner_text()
    example.click()
    answered(page, question)
    expect(page.locator("#live .chip").first).to_be_visible()


def test_axe_finds_nothing_serious(page: Page, address: str) -> None:
    script = next((Path(path) for path in AXE if path and Path(path).is_file()), None)
    if script is None:
        pytest.skip(
            "no axe-core: npm install --no-save axe-core, or name axe.min.js in CHATBOT_AXE"
        )
    # Read as a source of our own origin would be: the page's policy lets nothing else in.
    source = script.read_text(encoding="utf-8")
    ask(page, DOWNLOADS)
    page.locator("#live .chip").first.click()
    expect(page.locator("#panel #cited")).to_be_visible()
    for place in ("answer", "documents"):
        page.evaluate(source)
        found = page.evaluate("axe.run({resultTypes: ['violations']})")
        serious = [
            (item["id"], [node["html"][:120] for node in item["nodes"]])
            for item in found["violations"]
            if item["impact"] in ("serious", "critical")
        ]
        assert serious == [], place
        page.goto(f"{address}/documents")
        time.sleep(0.2)
