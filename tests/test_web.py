"""The parts of the page that need no browser: the line, the store, the view, the hardening."""

from __future__ import annotations

import re
import socket
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from chatbot.documents import Extracted
from chatbot.errors import ChatbotError
from chatbot.evaluation.datasets import parse_case
from chatbot.records import (
    Answer,
    AnswerSentence,
    Checked,
    Citation,
    Draft,
    DroppedSentence,
    Found,
    OtherValue,
    Passage,
    Quoted,
    ScoredPassage,
    Seconds,
    Tokens,
    Understood,
)
from chatbot.web.catalogue import catalogue
from chatbot.web.chart import timeline
from chatbot.web.conversations import Conversations
from chatbot.web.exports import case, markdown
from chatbot.web.hardening import Hardening, browser_name
from chatbot.web.line import LineFull, WaitingLine
from chatbot.web.places import document_html, find_place, link
from chatbot.web.server import check_port
from chatbot.web.view import Progress, View, advance
from chatbot.web.words import WORDS, day_words, preferred

EVIL = "<img src=x onerror=alert(1)><form action=//x>&\"'`</mark></script>"
SOURCE = "Before it. Llama had 1.2 billion downloads. After it.\nAnother paragraph."
OWNER, STRANGER = "a" * 24, "b" * 24


def read(doc: str) -> Extracted:
    if doc != "brief.md":
        raise ChatbotError("gone")
    return Extracted(
        doc=doc, text=SOURCE, title="Brief", lang="en", published=None, as_of=None, sources=()
    )


def make_answer(text: str = "Llama had 1.2 billion downloads.", name: str = "1") -> Answer:
    day = date(2025, 4, 29)
    start = SOURCE.find(text)
    citation = Citation(
        number=1, doc="brief.md", title=f"Brief {text}", published=day, as_of=day, start=start,
        end=start + len(text), text=text,
    )  # fmt: skip
    passage = Passage(
        id="p", doc="brief.md", title=text, section="", published=day, as_of=day, lang="en",
        start=0, end=9, text=text, sentences=(),
    )  # fmt: skip
    others = tuple(
        OtherValue(as_of=day, value=value, doc="brief.md", start=0, end=4, text=text)
        for day, value in (
            (date(2024, 12, 9), "650 million"), (date(2025, 3, 19), f"1 billion {text}"),
        )
    )  # fmt: skip
    return Answer(
        id=name, question=text, query=f"{text}?", language="en", status="answered", reason=None,
        answer=text, sentences=(AnswerSentence(text=text, citations=(1,)),), citations=(citation,),
        as_of=day, other_values=others,
        passages=(ScoredPassage(passage=passage, similarity=0.5, keyword=None, relevance=0.5),),
        dropped=(DroppedSentence(text=text, reason=f"not in the cited text: {text}"),),
        probability=0.9, model=text,
        seconds=Seconds(understand=0.0, retrieve=0.1, first_token=None, total=1.0),
        tokens=Tokens(prompt=0, answer=0),
    )  # fmt: skip


# ---- the line -------------------------------------------------------------------------------


@pytest.fixture
def line() -> Iterator[WaitingLine]:
    made = WaitingLine(most=3)
    yield made
    made.close()


def test_the_line_is_first_come_first_served_and_says_the_place(line: WaitingLine) -> None:
    go, begun, order = threading.Event(), threading.Event(), []

    def work(number: int):
        def run(stop: threading.Event):
            begun.set()
            go.wait(5)
            order.append(number)
            return ()

        return run

    jobs = [line.join(work(0))]
    assert begun.wait(5)
    jobs += [line.join(work(number)) for number in (1, 2, 3)]
    assert [job.ahead for job in jobs] == [0, 1, 2, 3]
    with pytest.raises(LineFull):
        line.join(work(4))
    jobs[2].leave()
    assert jobs[3].ahead == 2
    go.set()
    for job in jobs:
        while not job.ended:
            job.take(5)
    assert order == [0, 1, 3]


def test_a_failing_job_reports_and_the_line_goes_on(line: WaitingLine) -> None:
    def fail(_: threading.Event):
        raise ChatbotError("broken")
        yield

    with pytest.raises(ChatbotError, match="broken"):
        line.join(fail).take(5)
    event = Understood(query="q", language="en", as_of=None)
    assert line.join(lambda _: [event]).take(5) == event


def test_leaving_sets_the_stop_flag_of_the_job_at_work(line: WaitingLine) -> None:
    begun = threading.Event()

    def run(stop: threading.Event):
        begun.set()
        stop.wait(10)
        yield Found(passages=())

    job = line.join(run)
    assert begun.wait(5)
    job.leave()
    assert job.take(5) == Found(passages=())


# ---- the view: nothing from outside is markup ---------------------------------------------------


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}


def tags(html: str) -> Tags:
    parser = Tags()
    parser.feed(html)
    return parser


@pytest.mark.parametrize("language", ["en", "fr"])
def test_text_from_outside_never_becomes_markup(language: str) -> None:
    view = View(language, read)  # type: ignore[arg-type]
    answer = make_answer(EVIL)
    refused = replace(answer, status="abstained", citations=(), sentences=())
    progress = Progress(question=EVIL)
    for event in (
        Understood(query=f"{EVIL}?", language="en", as_of=None),
        Quoted(sentences=answer.sentences, citations=answer.citations),
    ):
        progress = advance(progress, event)
    corrected = replace(
        answer, status="abstained", reason="false_premise",
        sentences=(AnswerSentence(text=EVIL, citations=()), *answer.sentences),
    )  # fmt: skip
    pages = [
        view.answer(answer), view.answer(refused), view.answer(corrected),
        view.progress(replace(progress, draft=EVIL)),
        view.failure(EVIL, EVIL, EVIL), view.stopped(EVIL), document_html(EVIL, 0, 5, title=EVIL),
    ]  # fmt: skip
    for html in pages:
        found = tags(html)
        assert not found.seen & {"img", "script", "iframe", "style", "link", "b"}, html
        assert not {name for name in found.attributes if name.startswith("on")}
        assert "action" not in found.attributes
        plain = tags(html.replace(EVIL, ""))
        assert found.seen == plain.seen


def test_a_false_premise_shows_what_the_documents_say_with_its_source() -> None:
    answer = make_answer()
    lead = AnswerSentence(text="The documents do not say that. They say:", citations=())
    corrected = replace(
        answer, status="abstained", reason="false_premise", sentences=(lead, *answer.sentences)
    )
    html = View("en", read).answer(corrected)
    shown = [html.index(part) for part in ("statement refusal", lead.text, "statement quoted")]
    assert shown == sorted(shown)
    assert 'data-citation="1"' in html
    assert "nearest" not in html
    plain = replace(answer, status="abstained", sentences=(lead,), citations=())
    assert "nearest" in View("en", read).answer(plain)


def test_the_cited_sentence_is_marked_in_its_paragraph() -> None:
    answer = make_answer()
    html = View("en", read).answer(answer)
    assert "Before it. <mark>Llama had 1.2 billion downloads.</mark> After it." in html
    assert "as of 29 April 2025" in html
    assert "Another paragraph" not in html


def test_a_changed_document_is_said_and_the_sentence_still_shown() -> None:
    place = find_place(read, "brief.md", 0, 5, "Not there any more.")
    assert place.changed
    assert place.text == "Not there any more."
    moved = find_place(read, "brief.md", 0, 5, "After it.")
    assert not moved.changed
    assert moved.before.endswith("downloads. ")


def test_a_marked_document_keeps_every_character_of_the_span() -> None:
    text = "# Title\n\nOne & two.\n\n- three <four>\n- five"
    start = text.index("two")
    html = document_html(text, start, len(text), title="Title")
    assert html.count('id="cited"') == 1
    assert "<mark" in html.split("<li>")[1]
    assert "Title" not in html
    assert "<mark" not in document_html(text, 900, 950)
    assert "<mark" not in document_html(text, 9, 3)


def test_a_link_survives_odd_names() -> None:
    assert (
        link("a folder/é?#.md", 1, 2) == "/documents/a%20folder/%C3%A9%3F%23.md?start=1&end=2#cited"
    )


def test_the_chart_needs_three_dates_and_starts_at_zero() -> None:
    answer = make_answer()
    drawn = timeline(answer, "en")
    assert drawn.count("<circle") == 3
    assert "29 April 2025: 1.2 billion" in drawn
    assert timeline(replace(answer, other_values=answer.other_values[:1]), "en") == ""


def test_a_checked_sentence_is_solid_under_a_number_that_stays() -> None:
    answer = make_answer()
    quote = answer.citations[0]
    other = replace(quote, number=1, start=quote.start + 1, text="Another one.")
    progress = Progress(question="q", query="q")
    for event in (
        Quoted(sentences=answer.sentences, citations=answer.citations),
        Draft(text="Another said. Not yet"),
        Checked(
            sentence=AnswerSentence(text="Another said.", citations=(1, 2)),
            # As the draft numbers them: its own source first, then the one that is quoted.
            citations=(other, replace(quote, number=2)),
        ),
    ):
        progress = advance(progress, event)
    assert [citation.number for citation in progress.citations] == [1, 2]
    assert progress.checked[0].citations == (2, 1)
    assert progress.unchecked == " Not yet"
    html = View("en", read).progress(progress)
    solid, dim = (re.sub("<[^>]*>", "", part) for part in html.split('<p class="unchecked"'))
    assert "Another said." in solid
    assert "Not yet" not in solid
    assert dim.partition(">")[2].startswith(" Not yet")


def test_the_list_of_documents_is_text_and_says_what_is_asked() -> None:
    items = [
        Extracted(
            doc=doc, text=f"{EVIL} words", title=EVIL, lang="en", published=None, as_of=None,
            sources=(),
        )
        for doc in (f"own/{EVIL}.md", "brief.md", "other.md")
    ]  # fmt: skip
    html = catalogue(items, "en", "words", {"other.md"}, can_add=True, most_bytes=5_000_000)
    found = tags(html)
    assert not found.seen & {"img", "script", "iframe", "style", "link", "b"}
    assert not {name for name in found.attributes if name.startswith("on")}
    assert html.count('class="remove"') == 1, "only the added one can be removed"
    assert html.count('class="one"') == 3
    assert html.count(" checked>") == 3, "two documents, and all of those that were added"
    assert html.count("data-mixed") == 1
    assert "up to 5 MB" in html
    locked = catalogue(items, "en", "", (), can_add=False, most_bytes=5_000_000)
    assert 'class="remove"' not in locked
    assert "chatbot documents add" in locked


# ---- words --------------------------------------------------------------------------------------


def test_both_languages_say_everything_with_the_same_blanks() -> None:
    import string

    assert WORDS["en"].keys() == WORDS["fr"].keys()
    for key, text in WORDS["en"].items():
        blanks = [
            {name for _, name, _, _ in string.Formatter().parse(said) if name}
            for said in (text, WORDS["fr"][key])
        ]
        assert blanks[0] == blanks[1], key


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("de,fr;q=0.5,en;q=0.7", "en"),
        ("x;q=y", "en"),
    ],
)
def test_the_interface_follows_the_browser(header: str | None, language: str) -> None:
    assert preferred(header) == language


def test_days_are_written_as_each_language_does() -> None:
    assert day_words(date(2025, 4, 1), "fr") == "1er avril 2025"
    assert day_words(date(2025, 4, 1), "en") == "1 April 2025"


# ---- conversations ------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Conversations]:
    opened = Conversations(tmp_path / "conversations.sqlite3")
    yield opened
    opened.close()


def test_a_conversation_survives_a_restart_word_for_word(store: Conversations) -> None:
    answer = replace(make_answer(), passages=())
    name = store.add(OWNER, "", answer)
    assert store.add(OWNER, name, replace(answer, id="2")) == name
    again = Conversations(store.path)
    assert again.answers(OWNER, name)[0] == answer
    assert [item.id for item in again.find(OWNER, "BILLION downloads")] == [name]
    assert again.find(OWNER, "100%") == []
    again.close()
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    side = store.path.with_name(store.path.name + "-wal")
    assert not side.exists() or stat.S_IMODE(side.stat().st_mode) == 0o600


def test_a_stranger_can_do_nothing(store: Conversations) -> None:
    name = store.add(OWNER, "", make_answer())
    assert store.answers(STRANGER, name) == []
    assert store.title(STRANGER, name) is None
    assert store.find(STRANGER) == []
    assert store.drop_last(STRANGER, name) is None
    assert not store.rename(STRANGER, name, "x")
    assert not store.delete(STRANGER, name)
    assert not store.rate(STRANGER, "1", "good", "")
    assert store.add(STRANGER, name, make_answer(name="2")) != name
    assert len(store.answers(OWNER, name)) == 1


def test_deleting_takes_answers_and_ratings_along(store: Conversations) -> None:
    name = store.add(OWNER, "", make_answer())
    assert store.rate(OWNER, "1", "bad", "why")
    assert store.delete(OWNER, name)
    assert store.ratings(OWNER) == []
    assert "downloads" not in store.path.read_bytes().decode("latin-1")


def test_which_documents_are_asked_is_each_readers_own(store: Conversations) -> None:
    store.choose(OWNER, ["a.md", "b.md"], asked=False)
    store.choose(OWNER, ["a.md", "c.md"], asked=True)
    store.choose(OWNER, ["b.md"], asked=False)
    assert store.left_out(OWNER) == {"b.md"}
    assert store.left_out(STRANGER) == frozenset()


def test_exports(store: Conversations) -> None:
    name = store.add(OWNER, "", make_answer())
    store.add(OWNER, name, make_answer(name="2"))
    assert store.rate(OWNER, "2", "good", "")
    text = markdown("![a](http://x)", store.answers(OWNER, name), "en")
    assert text.startswith("# \\!\\[a\\](http://x)")
    assert "[^2]" in text
    row = case(store.ratings(OWNER)[0])
    parsed = parse_case(row)
    assert len(parsed.history) == 2
    assert row["evidence"][0]["quote"] == "Llama had 1.2 billion downloads."


# ---- hardening ----------------------------------------------------------------------------------


@pytest.fixture
def client() -> TestClient:
    async def echo(request):
        return PlainTextResponse(str(len(await request.body())))

    paths = ["/", "/conversations", "/gradio_api/{rest:path}", "/{rest:path}"]
    app = Starlette(routes=[Route(path, echo, methods=["GET", "POST", "PUT"]) for path in paths])
    return TestClient(Hardening(app, upload_bytes=1_000_000), base_url="http://127.0.0.1")


@pytest.mark.parametrize(
    "path",
    ["/gradio_api/upload", "/gradio_api/file=/etc/passwd", "/gradio_api/proxy=http://x",
     "/monitoring", "/gradio_api/run/predict", "/gradio_api/vibe-edit/", "/login",
     "/gradio_api/component_server", "/gradio_api/info", "/gradio_api/deep_link",
     "/documents/../../etc/passwd", "/gradio_api/runs"],
)  # fmt: skip
def test_routes_that_the_page_does_not_need_are_closed(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_foreign_pages_and_large_bodies_are_refused(client: TestClient) -> None:
    assert client.post("/conversations", headers={"Origin": "http://127.0.0.1"}).status_code == 200
    assert (
        client.post("/conversations", headers={"Origin": "http://evil.example"}).status_code == 403
    )
    assert client.post("/conversations", headers={"Origin": "null"}).status_code == 403
    assert (
        client.post("/conversations", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    )
    assert client.post("/conversations", content=b"x" * 300_000).status_code == 413
    assert client.put("/conversations").status_code == 405


def test_only_the_route_for_documents_takes_a_file(client: TestClient) -> None:
    assert client.post("/own/add", content=b"x" * 600_000).text == "600000"
    assert client.post("/own/add", content=b"x" * 1_100_000).status_code == 413
    assert client.post("/own/remove", content=b"x" * 600_000).status_code == 413
    # Without a length before it, a body is cut off where it becomes too long.
    with pytest.raises(ClientDisconnect):
        client.post("/own/add", content=iter([b"x" * 600_000] * 3))


def test_a_browser_gets_a_name_once_that_scripts_cannot_read(client: TestClient) -> None:
    header = client.get("/").headers["Set-Cookie"]
    assert "HttpOnly" in header
    assert "SameSite=Strict" in header
    assert browser_name(header.partition(";")[0])
    assert "Set-Cookie" not in client.get("/").headers
    assert browser_name("chatbot=short") is None


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ChatbotError, match="in use") as raised:
            check_port("127.0.0.1", port)
    assert raised.value.exit_code == 1
    assert "--port" in raised.value.remedy
    check_port("127.0.0.1", port)
