"""Documents that people add in the browser: progress, choice, removal, and nothing that runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import test_page
from playwright.sync_api import Page, expect
from test_page import ask, serving, visit

address, browser = test_page.address, test_page.browser
page, recorded = test_page.page, test_page.recorded
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

FERRY = "# The ferry of Groix\n\nThe ferry to Groix carries 440 passengers.\n"
QUESTION = "How many passengers does the ferry to Groix carry?"

# What a hostile document tries; each would set window.ran if anything of it ran.
EVIL_TITLE = "<img src=x onerror=window.ran=1><b>Saltworks</b>"
EVIL = f"""---
title: "{EVIL_TITLE}"
source: "javascript:window.ran=2"
---
# {EVIL_TITLE}

The saltworks of Noirmoutier yield 1,500 tonnes <script>window.ran=3</script> a year.
They belong to <a href="javascript:window.ran=4">Anne Le Goff</a> and her sister.

[click here](javascript:window.ran=5) ![pixel](http://198.51.100.7/pixel.png)

<form action="http://198.51.100.7/"><input name=q autofocus onfocus=window.ran=6></form>
<iframe src="javascript:window.ran=7"></iframe><svg onload=window.ran=8></svg>
"""
EVIL_NAME = "salt <img src=x onerror=window.ran=9>'\"&.md"


def add(page: Page, *files: tuple[str, str | bytes]) -> None:
    """Pick files on the page of documents."""
    payload = [
        {"name": name, "mimeType": "text/plain",
         "buffer": data.encode() if isinstance(data, str) else data}
        for name, data in files
    ]  # fmt: skip
    page.set_input_files("#files", payload)  # type: ignore[arg-type]


def row(page: Page, name: str):
    return page.locator("#coming li", has_text=name)


def own(page: Page):
    return page.locator('.catalogue li[data-doc^="own/"]')


def remove_all(page: Page, address: str) -> None:
    page.goto(f"{address}/documents")
    page.on("dialog", lambda dialog: dialog.accept())
    while count := own(page).count():
        own(page).first.locator(".remove").click()
        expect(own(page)).to_have_count(count - 1, timeout=60_000)


def test_files_are_added_asked_chosen_and_removed(page: Page, address: str) -> None:
    page.goto(f"{address}/documents")
    shipped = page.locator(".catalogue li").count()
    add(
        page, ("ferry.md", FERRY), ("broken.pdf", b"%PDF-1.4 no"), ("photo.txt", b"\x89PNG\r\n....")
    )
    expect(row(page, "broken.pdf").locator(".state")).to_have_text("Not added", timeout=30_000)
    expect(row(page, "broken.pdf").locator(".reason")).to_contain_text("cannot be read")
    expect(row(page, "photo.txt").locator(".reason")).to_contain_text("is a picture")
    expect(row(page, "ferry.md").locator(".state")).to_have_text("Can be asked", timeout=90_000)
    assert row(page, "ferry.md").locator("progress").evaluate("bar => bar.value") == 1
    expect(own(page)).to_have_count(1)
    assert page.locator(".catalogue li").count() == shipped + 1

    # It is asked at once, without a restart, and its citation opens it.
    visit(page, address)
    ask(page, QUESTION)
    expect(page.locator("#live .statement").first).to_contain_text("440 passengers")
    page.locator("#live .chip").first.click()
    expect(page.locator("#panel #cited")).to_contain_text("440 passengers")
    expect(page.locator("#panel .file")).to_have_text("own/ferry.md")

    # Left out, it is not asked any more; the page says that not all are asked.
    page.goto(f"{address}/documents")
    with page.expect_response("**/own/asked"):
        own(page).locator(".one").uncheck()
    visit(page, address)
    expect(page.locator("#writer")).to_contain_text(f"Asking {shipped} of {shipped + 1} documents")
    ask(page, QUESTION)
    expect(page.locator("#live .statement").first).not_to_contain_text("440")

    # Only it: the whole folder is left out with one click.
    page.goto(f"{address}/documents")
    with page.expect_response("**/own/asked"):
        own(page).locator(".one").check()
    with page.expect_response("**/own/asked"):
        page.locator(".group", has_text="Documents of the folder").locator(".all").uncheck()
    visit(page, address)
    expect(page.locator("#writer")).to_contain_text(f"Asking 1 of {shipped + 1} documents")
    ask(page, test_page.DOWNLOADS)
    expect(page.locator("#live .refusal")).to_be_visible()
    ask(page, QUESTION)
    expect(page.locator("#live .statement").first).to_contain_text("440 passengers")

    # Taken out again; the folder's own documents have no such button.
    page.goto(f"{address}/documents")
    assert page.locator(".remove").count() == 1
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator(".remove").click()
    expect(own(page)).to_have_count(0, timeout=60_000)
    with page.expect_response("**/own/asked"):
        page.locator(".all").check()
    visit(page, address)
    expect(page.locator("#writer")).not_to_contain_text("Asking")


def test_the_same_name_is_not_overwritten_without_a_word(page: Page, address: str) -> None:
    page.goto(f"{address}/documents")
    add(page, ("note.md", "# A note\n\nThe lighthouse is 54 metres high.\n"))
    expect(row(page, "note.md").locator(".state")).to_have_text("Can be asked", timeout=90_000)
    page.reload()
    add(page, ("note.md", "# A note\n\nThe lighthouse is 57 metres high.\n"))
    expect(row(page, "note.md").locator(".reason")).to_contain_text("already a document")
    assert "54 metres" in page.request.get(f"{address}/documents/own/note.md").text()
    row(page, "note.md").locator(".again").click()
    expect(row(page, "note.md").locator(".state")).to_have_text("Can be asked", timeout=90_000)
    assert "57 metres" in page.request.get(f"{address}/documents/own/note.md").text()
    remove_all(page, address)


def test_a_folder_keeps_its_shape(page: Page, address: str, tmp_path: Path) -> None:
    (tmp_path / "trip/day").mkdir(parents=True)
    (tmp_path / "trip/one.md").write_text("# One\n\nThe first day was in Auray.\n")
    (tmp_path / "trip/day/two.txt").write_text("Two\n\nThe second day was in Carnac.\n")
    (tmp_path / "trip/.hidden.md").write_text("# Hidden\n\nNot for us.\n")
    page.goto(f"{address}/documents")
    page.set_input_files("#folder", str(tmp_path / "trip"))
    expect(own(page)).to_have_count(2, timeout=90_000)
    names = own(page).evaluate_all("rows => rows.map(row => row.dataset.doc)")
    assert sorted(names) == ["own/trip/day/two.txt", "own/trip/one.md"]
    remove_all(page, address)


def test_a_folder_is_dropped_on_the_page(page: Page, address: str, tmp_path: Path) -> None:
    folder = tmp_path / "islands"
    (folder / "north").mkdir(parents=True)
    (folder / "north" / "groix.md").write_text(FERRY)
    (folder / ".hidden.md").write_text(FERRY)
    remove_all(page, address)
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    browser_itself = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        browser_itself.send(
            "Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data}
        )
    expect(own(page)).to_have_count(1, timeout=90_000)
    assert own(page).first.get_attribute("data-doc") == "own/islands/north/groix.md"
    remove_all(page, address)


def test_what_is_too_large_or_foreign_is_refused_by_the_server(page: Page, address: str) -> None:
    page.goto(f"{address}/documents")
    post = page.request.post
    where = f"{address}/own/add?name=x.txt"
    assert post(where, data=b"x" * 10_000_001).status == 413
    assert post(where, data=FERRY, headers={"Origin": "http://evil.example"}).status == 403
    assert post(f"{address}/own/remove", data={"doc": "who-uses-llama.md"}).status == 404
    assert post(f"{address}/own/remove", data={"doc": "own/../../x.md"}).status == 404
    answer = post(f"{address}/own/add?name=..%2F..%2Fx.exe", data=FERRY).json()
    assert answer["doc"] is None
    assert "of a kind that is not read" in answer["reason"]
    expect(own(page)).to_have_count(0)


def test_nothing_of_a_hostile_document_runs(page: Page, address: str) -> None:
    page.add_init_script("window.ran = 0")
    page.goto(f"{address}/documents")
    add(page, (EVIL_NAME, EVIL), ("evil.html", f"<html><body>{EVIL}</body></html>"))
    expect(own(page)).to_have_count(2, timeout=90_000)
    harmless(page)
    page.fill("#find", "saltworks")
    page.press("#find", "Enter")
    expect(page.locator(".excerpt").first).to_be_visible()
    harmless(page)
    for place in range(own(page).count()):
        own(page).nth(place).locator("a").click()
        expect(page.locator("article.document")).to_contain_text("1,500 tonnes")
        harmless(page)
        page.go_back()
    visit(page, address)
    ask(page, "How many tonnes do the saltworks of Noirmoutier yield?")
    expect(page.locator("#live .statement").first).to_contain_text("1,500 tonnes")
    page.locator("#live .how summary").click()
    harmless(page)
    page.locator("#live .chip").first.click()
    expect(page.locator("#panel #cited")).to_be_visible()
    harmless(page)
    page.keyboard.press("Escape")
    page.click('#live [data-action="bad"]')
    page.fill("#live .why input", EVIL_TITLE)
    page.press("#live .why input", "Enter")
    page.click('.bar [data-action="conversations"]')
    expect(page.locator(".conversations li").first).to_be_visible()
    harmless(page)
    remove_all(page, address)


def harmless(page: Page) -> None:
    """Nothing ran, and nothing in the page could: no such element, handler or address."""
    assert page.evaluate("window.ran") == 0
    found = page.evaluate("""() => [...document.querySelectorAll('*')].flatMap((element) => [
        ...(element.matches('img, iframe, object, embed') ? [element.tagName] : []),
        ...[...element.attributes].filter(({ name, value }) =>
            name.startsWith('on') || /^\\s*javascript:/i.test(value) ||
            (/^(?:src|href|action)$/.test(name) && value.includes('198.51.100.7'))
        ).map(({ name, value }) => `${name}=${value}`),
    ])""")
    assert found == []


def test_no_page_of_another_machine_adds_or_removes(tmp_path: Path, browser) -> None:
    """Served to other machines, the list is for reading: there is no log-in."""
    with serving(tmp_path, CHATBOT_HOST="0.0.0.0") as found, browser.new_context() as context:
        opened = context.new_page()
        opened.goto(f"http://127.0.0.1:{found.rpartition(':')[2]}/documents")
        expect(opened.locator(".note")).to_contain_text("chatbot documents add")
        expect(opened.locator("#adding, .remove")).to_have_count(0)
        where = opened.url.rpartition("/")[0]
        assert opened.request.post(f"{where}/own/add?name=x.md", data=FERRY).status == 403
        assert opened.request.post(f"{where}/own/remove", data={"doc": "own/x.md"}).status == 403
