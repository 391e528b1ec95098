"""gradio imported without its stub files is whole, and quicker."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import time, sys
from chatbot.web.lean import without_stub_files
before = list(sys.meta_path)
started = time.process_time()
if {lean}:
    with without_stub_files():
        import gradio
else:
    import gradio
taken = time.process_time() - started
assert sys.meta_path == before
with gradio.Blocks() as page:
    box = gradio.Textbox()
    box.submit(lambda text: text, box, gradio.Chatbot())
assert page.fns
print(taken)
"""


def seconds(lean: bool) -> float:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(lean=lean)],
        capture_output=True,
        text=True,
        check=True,
        env={"GRADIO_ANALYTICS_ENABLED": "False", "PATH": ""},
    )
    return float(done.stdout)


@pytest.mark.slow
def test_it_is_imported_in_less_time_and_still_builds_a_page() -> None:
    seconds(True)  # compiles what was never imported
    assert min(seconds(True) for _ in range(2)) < 0.85 * min(seconds(False) for _ in range(2))
