"""Twenty actions in the browser, every request of it seen: none leaves this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import test_page
from playwright.sync_api import Page, expect
from test_page import AUSTRALIA, DOWNLOADS, ROOT, Recorded, ask, visit

address, browser = test_page.address, test_page.browser
page, recorded = test_page.page, test_page.recorded
pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
ALONE = "CHATBOT_TEST_ALONE"


def test_twenty_actions_send_nothing_away(
    page: Page, address: str, recorded: list[Recorded]
) -> None:
    if os.environ.get(ALONE):
        devices = Path("/proc/net/dev").read_text().splitlines()[2:]
        assert [line.split(":")[0].strip() for line in devices] == ["lo"]

    def add_a_document() -> None:
        note = b"# A note\n\nThe lighthouse of Groix is 24 metres high.\n"
        page.set_input_files(
            "#files", [{"name": "note.md", "mimeType": "text/plain", "buffer": note}]
        )
        expect(page.locator("#coming .state")).to_have_text("Can be asked", timeout=90_000)

    def remove_it() -> None:
        page.once("dialog", lambda dialog: dialog.accept())
        page.locator(".remove").click()
        expect(page.locator(".remove")).to_have_count(0, timeout=60_000)

    def export(selector: str) -> None:
        with page.expect_download():
            page.locator(selector).first.click()

    def rate() -> None:
        page.click('#live [data-action="bad"]')
        page.fill("#live .why input", "not enough")
        page.press("#live .why input", "Enter")
        expect(page.locator("#live .thanks")).to_be_visible()

    def search() -> None:
        page.fill("#find", "Behemoth")
        page.press("#find", "Enter")
        expect(page.locator(".excerpt").first).to_be_visible()

    actions = [
        lambda: visit(page, address),
        lambda: ask(page, DOWNLOADS),
        lambda: page.locator("#live .chip").first.click(),
        lambda: page.keyboard.press("n"),
        lambda: page.click('#panel [data-action="link"]'),
        lambda: page.keyboard.press("Escape"),
        lambda: page.locator("#live .how summary").click(),
        lambda: page.click('#live [data-action="copy"]'),
        lambda: ask(page, "And in December 2024?"),
        rate,
        lambda: ask(page, AUSTRALIA),
        lambda: page.click('[data-action="theme"]'),
        lambda: page.click('.bar [data-action="conversations"]'),
        lambda: export(".conversations a"),
        lambda: export(".cases"),
        lambda: page.goto(f"{address}/documents"),
        search,
        lambda: page.goto(f"{address}/documents"),
        add_a_document,
        remove_it,
    ]
    assert len(actions) == 20
    for action in actions:
        action()
    requests = recorded[0].requests
    assert len(requests) > 40, "the requests were seen"
    assert [url for url in requests if not url.startswith((address, "data:", "blob:"))] == []


@pytest.mark.skipif(bool(os.environ.get(ALONE)), reason="this is the run without a network")
def test_the_twenty_actions_need_no_network() -> None:
    """The same in a network namespace where there is nothing but this machine."""
    unshare, ip = shutil.which("unshare"), shutil.which("ip")
    if not unshare or not ip or subprocess.run([unshare, "-n", "true"], check=False).returncode:
        pytest.skip("no right to make a network namespace here")
    test = f"{__file__}::test_twenty_actions_send_nothing_away"
    command = f"{ip} link set lo up && exec {sys.executable} -m pytest -vv {test}"
    done = subprocess.run(
        [unshare, "-n", "sh", "-c", command], cwd=ROOT, env={**os.environ, ALONE: "1"},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert "1 passed" in done.stdout, done.stdout[-3000:]
