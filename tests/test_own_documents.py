"""Added documents: made harmless, bounded, indexed beside the others, removed again."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from chatbot import documents, own_documents
from chatbot.chatbot import Chatbot
from chatbot.config import Config, load_config
from chatbot.errors import DocumentError, UsageError
from chatbot.own_documents import TakenError, add, list_files, remove, safe_name
from chatbot.records import Abstained, Answer, Event, Quoted
from chatbot.web.intake import Intake
from chatbot.web.refusals import reason_in

ROOT = Path(__file__).resolve().parent.parent
FERRY = b"# The ferry\n\nThe ferry to Groix takes 45 minutes and carries 440 passengers.\n"


def pdf(content: bytes) -> bytes:
    """A PDF of one page with a deflated content stream, as a printer would write it."""
    packed = zlib.compress(content, 9)
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources"
        b"<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n" % len(packed) + packed + b"\nendstream",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    made, places = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, start=1):
        places.append(len(made))
        made += b"%d 0 obj" % number + body + b"endobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return (
        made + b"xref\n0 6\n0000000000 65535 f \n" + table
        + b"trailer<</Root 1 0 R/Size 6>>\nstartxref\n%d\n%%%%EOF" % len(made)
    )  # fmt: skip


def docx(body: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default '
            'Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml"'
            ' ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document'
            '.main+xml"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="r" Target="word/document.xml" Type="http://schemas.openxmlformats.org'
            '/officeDocument/2006/relationships/officeDocument"/></Relationships>',
        )
        archive.writestr(
            "word/document.xml",
            '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
            f"<w:body>{body}</w:body></w:document>",
        )
    return packed.getvalue()


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


# ---- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("notes.md", "notes.md"),
        ("../../etc/passwd.txt", "etc/passwd.txt"),
        ("/abs/olute.txt", "abs/olute.txt"),
        ("C:\\Users\\me\\..\\x.PDF", "C_/Users/me/x.pdf"),
        ("..", None),
        ("", None),
        (".hidden.md", "hidden.md"),
        ("a\x00b\n.txt", "a_b_.txt"),
        ("<img src=x onerror=alert(1)>.md", "_img src_x onerror_alert(1)_.md"),
        ("javascript:alert(1).html", "javascript_alert(1).html"),
        ("été à l’île.md", "été à l’île.md"),
        ("no-suffix", None),
        ("program.exe", None),
        (".md", None),
        ("x.md/", "x.md"),
        ("CON?.txt.", "CON_.txt"),
    ],
)
def test_any_name_becomes_harmless_or_is_refused(name: str, safe: str | None) -> None:
    if safe is None:
        with pytest.raises(DocumentError):
            safe_name(name)
    else:
        assert safe_name(name) == safe


def test_long_names_fit_every_file_system() -> None:
    name = safe_name("é" * 500 + ".md")
    assert len(name.encode()) <= 255
    assert name.endswith("é.md")
    assert len(safe_name("a/" * 300 + "b.md").split("/")) <= 8


# ---- what is taken and what is refused --------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("ferry.md", FERRY),
        ("ferry.txt", FERRY),
        ("ferry.html", b"<html><body><h1>The ferry</h1><p>It takes 45 minutes.</p></body></html>"),
        ("ferry.docx", docx(paragraph("The ferry takes 45 minutes."))),
        ("ferry.pdf", pdf(b"BT /F1 12 Tf 50 700 Td (The ferry takes 45 minutes.) Tj ET")),
    ],
)
def test_each_kind_is_taken_and_readable_as_text(
    small_config: Config, name: str, data: bytes
) -> None:
    added = add(small_config, f"folder/{name}", data)
    assert added.doc == f"own/folder/{name}"
    assert added.passages == 1
    path = documents.locate(added.doc, small_config.docs_dir, small_config.own_folder)
    assert path.read_bytes() == data
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "45 minutes" in documents.read_bytes(name, path.read_bytes()).text


BOMB_PDF = pdf(b"BT /F1 12 Tf (x) Tj ET\n" * 30_000_000)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("x.txt", b"%PDF-1.7 text", "is a PDF, not text"),
        ("x.pdf", b"plain words", "is text, not a PDF"),
        ("x.md", b"\x89PNG\r\n\x1a\n....", "is a picture"),
        ("x.docx", FERRY, "is text, not a Word file"),
        ("x.pdf", docx(paragraph("words")), "is a Word file, not a PDF"),
        ("x.txt", b"a\x00b" * 4000, "binary data"),
        ("x.md", b"  \n", "is empty"),
        ("x.pdf", b"%PDF-1.4 and nothing else", "cannot be read"),
        ("x.docx", docx(" " * 60_000_000), "unpacks to more than 40 MB"),
        ("x.txt", b"word " * 300_000, "more than 1,000,000 characters"),
        ("x.txt", b"x" * 10_000_001, "larger than 10 MB"),
        ("x.pdf", BOMB_PDF, "cannot be read"),
        ("x.xyz", FERRY, "of a kind that is not read"),
    ],
)
def test_what_is_not_what_it_says_or_too_much_is_refused_at_once(
    small_config: Config, name: str, data: bytes, said: str
) -> None:
    started = time.monotonic()
    with pytest.raises(DocumentError, match=said) as raised:
        add(small_config, name, data)
    assert raised.value.remedy
    english = str(raised.value)
    french = reason_in("fr", english)
    assert not set(re.findall(r"\w+", french)) & {"is", "the", "it", "its", "than", "of"}, french
    assert reason_in("en", english) == english
    assert time.monotonic() - started < 30
    assert list_files(small_config) == frozenset()


def test_a_refusal_that_has_no_french_stays_as_it_is() -> None:
    assert reason_in("fr", "Something new. Do that.") == "Something new. Do that."
    said = "notes. A new start.pdf is a Word file, not a PDF as its name says."
    assert "un fichier Word et non un PDF" in reason_in("fr", said.replace(". A", " a"))


def test_a_file_that_takes_too_long_is_given_up(
    small_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_documents, "CHECK_SECONDS", 0.05)
    with pytest.raises(DocumentError, match="longer than"):
        add(small_config, "slow.md", FERRY)


def test_nothing_is_overwritten_without_being_asked(small_config: Config) -> None:
    add(small_config, "ferry.md", FERRY)
    add(small_config, "ferry.md", FERRY)  # the same file again is no conflict
    with pytest.raises(TakenError, match=r"own/ferry\.md"):
        add(small_config, "ferry.md", FERRY + b"More.")
    path = small_config.own_folder / "ferry.md"
    assert path.read_bytes() == FERRY
    add(small_config, "ferry.md", FERRY + b"More.", replace=True)
    assert path.read_bytes() == FERRY + b"More."


def test_a_link_in_the_folder_leads_nowhere(small_config: Config, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    small_config.own_folder.mkdir(parents=True)
    (small_config.own_folder / "link").symlink_to(outside)
    with pytest.raises(DocumentError, match="leave its folder"):
        add(small_config, "link/ferry.md", FERRY)
    assert list(outside.iterdir()) == []


def test_only_added_documents_can_be_removed(small_config: Config) -> None:
    add(small_config, "folder/ferry.md", FERRY)
    for doc in ("harbour.md", "own/../harbour.md", "own/harbour.md", "own/", "/etc/passwd"):
        with pytest.raises(UsageError):
            remove(small_config, doc)
    remove(small_config, "own/folder/ferry.md")
    assert list_files(small_config) == frozenset()
    assert not (small_config.own_folder / "folder").exists()
    assert (small_config.docs_dir / "harbour.md").exists()


# ---- beside the documents of the folder -------------------------------------------------------


def test_each_docs_folder_has_its_own(small_config: Config, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    elsewhere = load_config(docs_dir=other, storage_dir=small_config.storage_dir)
    add(small_config, "ferry.md", FERRY)
    assert list_files(elsewhere) == frozenset()
    named = load_config(docs_dir=other, own_documents_dir=small_config.own_folder)
    assert list_files(named) == {"own/ferry.md"}


def test_a_folder_called_own_is_reported_not_mixed_up(small_config: Config) -> None:
    (small_config.docs_dir / "own").mkdir()
    (small_config.docs_dir / "own/ferry.md").write_bytes(b"Something else.")
    add(small_config, "ferry.md", FERRY)
    files, skipped = documents.scan_both(small_config.docs_dir, small_config.own_folder)
    assert [file.path for file in files if file.doc == "own/ferry.md"] == [
        small_config.own_folder / "ferry.md"
    ]
    assert [doc for doc, _ in skipped] == ["own/ferry.md"]


def test_added_documents_below_the_docs_folder_have_one_name(docs: Path) -> None:
    config = load_config(docs_dir=docs, storage_dir=docs / "storage")
    add(config, "ferry.md", FERRY)
    names = [file.doc for file in documents.scan_both(docs, config.own_folder)[0]]
    assert sorted(names) == ["harbour.md", "mill.txt", "own/ferry.md", "pont.txt"]


def ask(chatbot: Chatbot, question: str, docs: list[str] | None = None) -> list[Event]:
    return list(chatbot.ask(question, documents=docs))


def test_added_documents_are_asked_without_a_restart_and_leave_again(small_config: Config) -> None:
    question = "How long does the ferry to Groix take?"
    with Chatbot.open(small_config) as chatbot:
        assert any(isinstance(event, Abstained) for event in ask(chatbot, question))
        add(small_config, "ferry.md", FERRY)
        report = chatbot.sync()
        assert report.added == ("own/ferry.md",)
        assert report.embedded == 2
        answer = ask(chatbot, question)[-1]
        assert isinstance(answer, Answer)
        cited = answer.citations[0]
        assert cited.doc == "own/ferry.md"
        assert chatbot.document(cited.doc).text[cited.start : cited.end] == cited.text
        remove(small_config, "own/ferry.md")
        assert chatbot.sync().removed == ("own/ferry.md",)
        assert any(isinstance(event, Abstained) for event in ask(chatbot, question))


def test_a_running_answer_keeps_its_index(small_config: Config) -> None:
    with Chatbot.open(small_config) as chatbot:
        events = chatbot.ask("Who built the mill?")
        first = [next(events), next(events)]
        (small_config.docs_dir / "mill.txt").unlink()
        (small_config.docs_dir / "harbour.md").unlink()
        chatbot.sync()
        answer = [*first, *events][-1]
        assert isinstance(answer, Answer)
        assert "Jeanne Morel" in answer.answer


def test_only_the_chosen_documents_are_asked(quoting: Chatbot) -> None:
    question = "How many times has Llama been downloaded?"
    brief = "brief-2024-12-09-650-million.md"
    answer = ask(quoting, question, [brief])[-1]
    assert isinstance(answer, Answer)
    assert {citation.doc for citation in answer.citations} == {brief}
    assert {found.passage.doc for found in answer.passages} == {brief}
    assert {value.doc for value in answer.other_values} <= {brief}
    nothing = ask(quoting, question, [])[-1]
    assert isinstance(nothing, Answer)
    assert nothing.reason == "no_passages"
    everything = ask(quoting, question, list(quoting.index.files))[-1]
    assert isinstance(everything, Answer)
    whole = ask(quoting, question)[-1]
    assert isinstance(whole, Answer)
    assert everything.citations == whole.citations


# ---- the intake of the page -------------------------------------------------------------------


def settled(intake: Intake) -> dict[str, str]:
    end = time.monotonic() + 60
    while intake.busy and time.monotonic() < end:
        time.sleep(0.05)
    return {item.doc: item.state for item in intake.coming()}


@pytest.mark.slow
def test_files_come_in_together_and_each_tells_how_far_it_is(small_config: Config) -> None:
    with Chatbot.open(small_config) as chatbot:
        intake = Intake(chatbot)
        long = "".join(f"The ferry number {n} carries {n * 7} passengers. " for n in range(240))
        intake.add("a.md", FERRY, replaces=False, more=True)
        with pytest.raises(DocumentError):
            intake.add("b.pdf", b"no", replaces=False, more=True)
        intake.add("c.md", long.encode(), replaces=False, more=False)
        shares = set()
        while intake.busy:
            shares |= {(item.doc, round(item.share, 1)) for item in intake.coming()}
            time.sleep(0.02)
        assert settled(intake) == {"own/a.md": "ready", "own/c.md": "ready"}
        assert len([share for doc, share in shares if doc == "own/c.md"]) > 3
        assert {"own/a.md", "own/c.md"} <= chatbot.index.files.keys()
        intake.remove("own/a.md")
        settled(intake)
        assert "own/a.md" not in chatbot.index.files
        intake.close()


@pytest.mark.slow
def test_another_process_in_the_storage_folder_is_waited_for(
    small_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filelock import FileLock

    from chatbot.web import intake as module

    monkeypatch.setattr(module, "SECONDS_TO_RETRY", 0.1)
    with Chatbot.open(small_config) as chatbot:
        intake = Intake(chatbot)
        with FileLock(small_config.storage_dir / "lock"):
            intake.add("a.md", FERRY, replaces=False, more=False)
            time.sleep(3)  # longer than the first try
            assert [item.state for item in intake.coming()] == ["indexing"]
        assert settled(intake) == {"own/a.md": "ready"}
        intake.close()


def test_all_added_files_together_are_bounded(
    small_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatbot.own_documents.MOST_BYTES", 300)
    add(small_config, "a.txt", b"The ferry is blue. " * 10)
    with pytest.raises(DocumentError, match="no room"):
        add(small_config, "b.txt", b"The ferry is red. " * 10)
    assert list_files(small_config) == {"own/a.txt"}


@pytest.mark.slow
def test_questions_are_answered_while_documents_come_in(small_config: Config) -> None:
    with Chatbot.open(small_config) as chatbot:
        text = "".join(f"Boat {n} was built in {1700 + n} by Anne Le Goff. " for n in range(150))
        add(small_config, "boats.md", text.encode())
        ended = threading.Event()
        thread = threading.Thread(target=lambda: (chatbot.sync(), ended.set()))
        thread.start()
        waits = []
        while not ended.is_set() and len(waits) < 20:
            started = time.perf_counter()
            events = chatbot.ask("Who built the mill?")
            found = next(event for event in events if isinstance(event, Quoted))
            waits.append(time.perf_counter() - started)
            assert "Jeanne Morel" in found.sentences[0].text
        thread.join()
        assert len(waits) >= 5, "several were answered meanwhile"
        assert sorted(waits)[len(waits) // 2] < 1.5


# ---- the command line -------------------------------------------------------------------------


def run(config: Config, *words: str) -> subprocess.CompletedProcess[str]:
    folders = ["--docs", str(config.docs_dir), "--storage", str(config.storage_dir)]
    return subprocess.run(
        [sys.executable, "-m", "chatbot", *words, *folders],
        capture_output=True, text=True, cwd=ROOT, timeout=240, check=False,
        env={**os.environ, "CHATBOT_CHAT_MODEL": "none"},
    )  # fmt: skip


@pytest.mark.slow
def test_documents_are_added_listed_asked_and_removed_by_commands(
    small_config: Config, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub/ferry.md").write_bytes(FERRY)
    (folder / "fake.pdf").write_bytes(b"no")
    done = run(small_config, "documents", "add", str(folder))
    assert done.returncode == 1
    assert "Not added: fake.pdf" in done.stderr.replace("mine/", "")
    assert "Added: own/mine/sub/ferry.md" in done.stdout
    listed = json.loads(run(small_config, "documents", "list", "--json").stdout)
    assert listed[-1]["doc"] == "own/mine/sub/ferry.md"
    assert "45 minutes" in run(small_config, "documents", "show", "own/mine/sub/ferry.md").stdout
    answer = json.loads(
        run(small_config, "ask", "How long does the ferry to Groix take?", "--json").stdout
    )
    assert answer["citations"][0]["doc"] == "own/mine/sub/ferry.md"
    refused = run(small_config, "documents", "remove", "harbour.md")
    assert refused.returncode == 2
    assert "is not an added document" in refused.stderr
    assert run(small_config, "documents", "remove", "own/mine/sub/ferry.md").returncode == 0
    left = json.loads(run(small_config, "documents", "list", "--json").stdout)
    assert "own/mine/sub/ferry.md" not in [row["doc"] for row in left]
    assert run(small_config, "documents", "add", str(tmp_path / "none.md")).returncode == 2
