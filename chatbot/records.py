"""The frozen records that cross module borders. No behaviour beyond properties and JSON.

Offsets count characters of a document's extracted text, half open: text[start:end].
Dates are `datetime.date`; seconds and token counts say so in their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, Literal

Language = Literal["en", "fr"]
Status = Literal["answered", "quoted", "abstained"]
Reason = Literal["no_passages", "not_answered", "false_premise"]
"""Why there is no answer: nothing to look in, nothing that answers, or the question takes something
for granted that the cited sentence contradicts."""
Writing = Literal["qualified", "leading", "quoting"]
"""How far a chat model's words are the answer. qualified: what the check left of them is the
answer; leading: it comes first, then the quotes; quoting: the model is not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence (or heading-free line) of a document, verbatim."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Consecutive sentences of one section of one document: the unit that is indexed."""

    id: str
    doc: str
    """Path below the docs folder, with forward slashes."""
    title: str
    section: str
    """Headings above the passage, joined by " / "; empty above the first heading."""
    published: date | None
    as_of: date | None
    """Day for which the document's figures hold; None when it does not say."""
    lang: str
    start: int
    end: int
    text: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPassage:
    """A passage with what the retriever thinks of it."""

    passage: Passage
    similarity: float | None
    """Cosine of the question's and the passage's vectors, -1…1; None if dense search missed it."""
    keyword: float | None
    """BM25 score, > 0; None if no keyword matched."""
    relevance: float
    """Fused score, 0…1: the order of the passages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A sentence that may answer the question, with the passage it stands in."""

    sentence: Sentence
    passage: Passage
    score: float
    """How well the sentence answers, 0…1."""
    features: Mapping[str, float] = field(default_factory=dict)
    """What the score was made of, for `how was this chosen`."""
    row: int = -1
    """Of the sentence in the index, -1 if it is of none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A source sentence that an answer sentence rests on: text == document_text[start:end]."""

    number: int
    """1-based, as printed."""
    doc: str
    title: str
    published: date | None
    as_of: date | None
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSentence:
    """One sentence of an answer and the numbers of the citations that support it."""

    text: str
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedSentence:
    """A sentence the model drafted and the check refused, with the reason."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherValue:
    """Another value of the asked quantity, from another day or another document."""

    as_of: date | None
    value: str
    doc: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of a conversation: what a follow-up may refer to."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """Wall-clock seconds from the question to the end of each stage; None if it did not happen."""

    understand: float
    retrieve: float | None
    first_token: float | None
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens counted by the chat model's own tokenizer; 0 where it was not called."""

    prompt: int
    answer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was asked, what is answered, and everything needed to check it."""

    id: str
    question: str
    query: str
    """The standalone question that was searched for; differs from `question` in follow-ups."""
    language: Language
    status: Status
    reason: Reason | None
    answer: str
    sentences: tuple[AnswerSentence, ...]
    citations: tuple[Citation, ...]
    as_of: date | None
    other_values: tuple[OtherValue, ...]
    passages: tuple[ScoredPassage, ...]
    dropped: tuple[DroppedSentence, ...]
    probability: float | None
    """Estimated probability that the documents answer the question; None if nothing was found."""
    model: str | None
    """Name of the chat model that drafted; None if it was not called."""
    seconds: Seconds
    tokens: Tokens

    @property
    def abstained(self) -> bool:
        """True when the documents do not say."""
        return self.status == "abstained"

    def to_json(self) -> dict[str, Any]:
        """The object that `chatbot ask --json` prints: dates as ISO strings, tuples as lists."""
        # Passages are written below: copying them with all their sentences took nine tenths of it.
        data: dict[str, Any] = jsonable(asdict(replace(self, passages=())))
        data["abstained"] = self.abstained
        data["passages"] = [_passage_to_json(found) for found in self.passages]
        return data


def jsonable(value: Any) -> Any:
    """Dates as ISO strings, tuples as lists, numpy scalars untouched; recursive."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value


def _passage_to_json(found: ScoredPassage) -> dict[str, Any]:
    passage = found.passage
    return {
        "doc": passage.doc,
        "title": passage.title,
        "section": passage.section,
        "published": jsonable(passage.published),
        "as_of": jsonable(passage.as_of),
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "relevance": found.relevance,
        "similarity": found.similarity,
        "keyword": found.keyword,
    }


# Events of one question, in this order; `Answer` is always the last and comes exactly once.


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """The question was read: what will be searched, in which language, as of which day."""

    query: str
    language: Language
    as_of: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Passages were found, best first; may be empty."""

    passages: tuple[ScoredPassage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Abstained:
    """The documents do not say; the model is not called."""

    reason: Reason
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """The evidence, verbatim and cited: an answer already, before the model writes."""

    sentences: tuple[AnswerSentence, ...]
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A piece of the model's draft, unchecked."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A drafted sentence that passed the check, with its citations."""

    sentence: AnswerSentence
    citations: tuple[Citation, ...]


Event = Understood | Found | Abstained | Quoted | Draft | Checked | Answer
