"""The chat page: gradio components and the handlers that turn events into HTML.

Handlers are plain generators, which gradio runs in threads; what is asked goes through the
waiting line. The browser's own script does what needs no server (static/page.js).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr

from chatbot.chatbot import Chatbot
from chatbot.errors import ChatbotError
from chatbot.records import Answer, Draft, Event
from chatbot.web.conversations import Conversations, history
from chatbot.web.documents import Library
from chatbot.web.examples import examples
from chatbot.web.hardening import browser_name
from chatbot.web.line import MOST_WAITING, Job, WaitingLine
from chatbot.web.view import Progress, View, advance
from chatbot.web.words import LANGUAGES, WORDS, preferred, say

MOST_QUESTION = 2_000
"""Characters of a question: as much as a page of text."""
SECONDS_BETWEEN_DRAFTS = 0.08
"""Drawing every token would keep both the browser and the server busy with HTML."""
SECONDS_BETWEEN_LOOKS = 0.25
"""How soon a generator notices that its reader has gone."""

SCRIPT_WORDS = (
    "looking", "you_asked", "close", "previous", "next", "link", "copied", "conversations",
    "find_conversation", "no_conversations", "rename", "delete", "export", "export_cases",
    "rename_to", "delete_sure", "failed", "theme", "model", "model_none", "model_use",
    "model_quote", "model_pull", "model_loading", "model_licence", "built_with_llama",
    "asking", "model_silent", "model_anyway", "quotes_only",
)  # fmt: skip

HEAD = """
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/page/icon.svg">
<link rel="stylesheet" href="/page/page.css">
<script src="/page/early.js"></script>
<script src="/page/page.js" defer></script>
"""
_BRIDGE = """
element.addEventListener('chatbot', event => trigger(event.detail.kind, event.detail));
"""

Drawn = tuple[Any, Any, Any, Any]
"""New values of the question box, the earlier turns, the last turn and the conversation."""


class Page:
    """What the handlers share."""

    def __init__(
        self,
        chatbot: Chatbot,
        library: Library,
        conversations: Conversations,
        line: WaitingLine,
    ) -> None:
        self.chatbot = chatbot
        self.corpus = library
        self.conversations = conversations
        self.line = line
        self._jobs: dict[str, Job] = {}
        self._jobs_lock = threading.Lock()

    def respond(self, question: str, conversation: str, request: gr.Request) -> Iterator[Drawn]:
        """Answer what was typed."""
        question = question.strip()
        if question:
            yield from self._answer(question, conversation, request)

    def again(self, conversation: str, request: gr.Request) -> Iterator[Drawn]:
        """Ask the last question again, in place of its answer."""
        answers = self.conversations.answers(_owner(request), conversation)
        if answers:
            question = answers[-1].question
            yield from self._answer(question, conversation, request, again=True)

    def edit(self, conversation: str, request: gr.Request) -> Drawn:
        """Take the last question back into the box, without its answer."""
        owner = _owner(request)
        last = self.conversations.drop_last(owner, conversation)
        if last is None:
            return gr.skip(), gr.skip(), gr.skip(), gr.skip()
        return last.question, *self._drawn(owner, conversation, _view(request, self.corpus))

    def open(self, request: gr.Request, event: gr.EventData) -> Drawn:
        """Show a stored conversation."""
        conversation = str(event._data.get("conversation", ""))
        return gr.skip(), *self._drawn(_owner(request), conversation, _view(request, self.corpus))

    def clear(self, request: gr.Request) -> Drawn:
        """Begin a new conversation."""
        self.stop(request)
        return "", "", "", ""

    def stop(self, request: gr.Request) -> None:
        """End the answer that this page is waiting for; what was checked stays."""
        with self._jobs_lock:
            job = self._jobs.get(request.session_hash or "")
        if job is not None:
            if job.ahead:
                job.leave()
            job.stop.set()

    def _drawn(self, owner: str, conversation: str, view: View) -> tuple[str, str, str]:
        answers = self.conversations.answers(owner, conversation)
        earlier = "".join(view.answer(answer) for answer in answers[:-1])
        last = view.answer(answers[-1]) if answers else ""
        return earlier, last + _marker(conversation if answers else ""), conversation

    def _answer(
        self, question: str, conversation: str, request: gr.Request, *, again: bool = False
    ) -> Iterator[Drawn]:
        view = _view(request, self.corpus)
        owner = _owner(request)
        session = request.session_hash or ""
        earlier = self.conversations.answers(owner, conversation)
        if again:
            earlier = earlier[:-1]
        transcript = "".join(view.answer(answer) for answer in earlier)
        if len(question) > MOST_QUESTION:
            text = say(view.language, "too_long", most=MOST_QUESTION)
            yield "", transcript, view.failure(question, text, ""), conversation
            return
        turns = history(earlier)
        left_out = self.conversations.left_out(owner)

        def work(stop: threading.Event) -> Iterator[Event]:
            # Looked up when its turn comes: documents may have come or gone meanwhile.
            docs = [doc for doc in self.chatbot.index.files if doc not in left_out]
            return self.chatbot.ask(
                question, turns, documents=docs if left_out else None, stop=stop
            )

        if left_out.issuperset(self.chatbot.index.files):
            text = say(view.language, "none_asked")
            yield question, transcript, view.failure(question, text, ""), conversation
            return
        try:
            job = self.line.join(work)
        except ChatbotError:
            text = say(view.language, "full")
            yield question, transcript, view.failure(question, text, ""), conversation
            return
        with self._jobs_lock:
            self._jobs[session] = job
        try:
            first = Progress(question=question, ahead=job.ahead)
            yield "", transcript, view.progress(first), conversation
            for shown in self._follow(job, first, view):
                if isinstance(shown, Answer):
                    # Only now, so that an answer that is asked for again is never lost.
                    if again:
                        self.conversations.drop_last(owner, conversation)
                    conversation = self.conversations.add(owner, conversation, shown)
                    html = view.answer(shown) + _marker(conversation)
                    yield gr.skip(), gr.skip(), html, conversation
                else:
                    yield gr.skip(), gr.skip(), shown or gr.skip(), gr.skip()
        finally:
            # Also when the reader has gone: the next in the line must not wait for nobody.
            job.leave()
            with self._jobs_lock:
                if self._jobs.get(session) is job:
                    del self._jobs[session]

    def _follow(self, job: Job, progress: Progress, view: View) -> Iterator[str | Answer | None]:
        """The turn's HTML when it changes, None when there is no news; the Answer last."""
        drawn, drawn_at = progress, 0.0
        try:
            while not job.ended:
                event = job.take(SECONDS_BETWEEN_LOOKS)
                if isinstance(event, Answer):
                    yield event
                    return
                if event is None:
                    progress = replace(progress, ahead=job.ahead)
                else:
                    progress = advance(replace(progress, ahead=0), event)
                now = time.monotonic()
                if isinstance(event, Draft) and now - drawn_at < SECONDS_BETWEEN_DRAFTS:
                    continue
                yield view.progress(progress) if progress != drawn else None
                drawn, drawn_at = progress, now
            yield view.stopped(progress.question)
        except ChatbotError as error:
            yield view.failure(progress.question, error.message, error.remedy)
        except Exception:  # a mistake of ours must not leave the page waiting for ever
            yield view.failure(progress.question, view.plain("failed"), "")
            raise


def build(page: Page) -> tuple[gr.Blocks, gr.I18n]:
    """The components and what they call, and their words."""
    words = gr.I18n(**{language: dict(WORDS[language]) for language in LANGUAGES})
    blocks = gr.Blocks(title="Llama", analytics_enabled=False, fill_width=True)
    with blocks:
        conversation = gr.State("")
        bridge = gr.HTML("", elem_id="bridge", js_on_load=_BRIDGE, apply_default_css=False)
        gr.HTML(_top(page), elem_id="top", js_on_load=None, apply_default_css=False)
        with gr.Column(elem_id="talk"):
            gr.HTML(_welcome(page), elem_id="welcome", js_on_load=None, apply_default_css=False)
            transcript = gr.HTML("", elem_id="transcript", js_on_load=None, apply_default_css=False)
            live = gr.HTML("", elem_id="live", js_on_load=None, apply_default_css=False)
        with gr.Row(elem_id="composer"):
            question = gr.Textbox(
                label=words("question"),
                show_label=False,
                placeholder=words("placeholder"),
                lines=1,
                max_lines=8,
                max_length=MOST_QUESTION,
                autofocus=True,
                container=False,
                elem_id="question",
            )
            send = gr.Button(words("send"), variant="primary", elem_id="send")
            stop = gr.Button(words("stop"), elem_id="stop")
            gr.HTML("", elem_id="writer", js_on_load=None, apply_default_css=False)
        asked: dict[str, Any] = {
            "outputs": [question, transcript, live, conversation],
            "show_progress": "hidden",
            "api_visibility": "private",
        }
        # No limit here: the waiting line is the limit, and it says one's place in it.
        gr.on(
            [question.submit, send.click],
            page.respond,
            inputs=[question, conversation],
            concurrency_limit=None,
            trigger_mode="once",
            **asked,
        )
        bridge.retry(page.again, inputs=[conversation], concurrency_limit=None, **asked)
        bridge.edit(page.edit, inputs=[conversation], concurrency_limit=None, **asked)
        bridge.select(page.open, concurrency_limit=None, **asked)
        bridge.clear(page.clear, concurrency_limit=None, **asked)
        stop.click(
            page.stop, concurrency_limit=None, show_progress="hidden", api_visibility="private"
        )
    # Every page that waits holds a thread; so many may wait, and some must be left to stop them.
    blocks.max_threads = MOST_WAITING + 36
    blocks.queue(max_size=None, api_open=False, status_update_rate="auto")
    return blocks, words


def _both(key: str, tag: str = "span", **values: object) -> str:
    """A text in every language; the style sheet shows the page's own."""
    return "".join(
        f'<{tag} lang="{language}" class="said">{escape(say(language, key, **values))}</{tag}>'
        for language in LANGUAGES
    )


def _top(page: Page) -> str:
    buttons = "".join(
        f'<button type="button" data-action="{action}">{_both(key)}</button>'
        for action, key in (("conversations", "conversations"), ("new", "new"))
    )
    return (
        f'<a class="skip" href="#question">{_both("skip")}</a>'
        f'<header class="bar" data-words="{escape(_script_words())}">'
        '<h1 class="brand"><a href="/">Llama</a></h1>'
        f'<nav>{buttons}<a href="/documents">{_both("documents")}</a>'
        f'<button type="button" data-action="theme" class="round" aria-label="Light / dark">◐'
        f"</button></nav></header>"
    )


def _script_words() -> str:
    """What the page's script says by itself, in every language."""
    return json.dumps({language: {key: WORDS[language][key] for key in SCRIPT_WORDS}
                       for language in LANGUAGES})  # fmt: skip


def _welcome(page: Page) -> str:
    documents = page.corpus.all()
    # Shown by the page's script while there is no model: one may be pulled and chosen meanwhile.
    notice = f'<p class="notice" hidden>{_both("model_none")} {_both("model_pull")}</p>'
    asked = "".join(
        f'<button type="button" class="said sample" lang="{language}">{escape(text)}</button>'
        for language in LANGUAGES
        for text in examples(page.chatbot, documents, language)
    )
    return (
        f'<section class="welcome"><h2 class="title">{_both("title")}</h2>'
        f"{_both('lead', 'p')}"
        f'{notice}<h2 class="label">{_both("examples")}</h2>'
        f'<div class="samples">{asked}</div>'
        f'<p class="more"><a href="/documents">{_both("own_start")}</a></p></section>'
    )


def _marker(conversation: str) -> str:
    """Tells the page's script which conversation is shown."""
    return f'<span hidden data-conversation="{escape(conversation)}"></span>'


def _owner(request: gr.Request) -> str:
    return browser_name(request.headers.get("cookie")) or f"page-{request.session_hash}"


def _view(request: gr.Request, library: Library) -> View:
    return View(preferred(request.headers.get("accept-language")), library.read)
