"""Cases proposed from documents, for a person to review: evidence first, then the question.

Every draft says "draft": true and what to look at; nothing here decides that a case is good.
Answerable drafts ask for a figure or a day that a sentence states. Near misses ask the same
with another name or another year in it, checked that no one sentence of the documents holds both.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatbot import documents
from chatbot.config import Config
from chatbot.dates import find_dates
from chatbot.evaluation.datasets import load_dataset
from chatbot.evaluation.text import contains
from chatbot.figures import find_figures
from chatbot.grounding import find_names
from chatbot.inference import ChatModel
from chatbot.language import ALL_STOP_WORDS, content_words, words
from chatbot.models import chat_model_path
from chatbot.records import Language

Writer = Callable[[str, str, Language], str | None]
"""Words a question from (sentence, its answer, language), or None if it has none."""

GAP = "[…]"
_WORDS = (8, 40)
"""Shorter sentences have no subject of their own; longer ones hold several facts."""
_MAX_QUESTION_TOKENS = 60
_CLOZE: dict[Language, str] = {
    "en": "According to “{title}”, what belongs in the gap: “{sentence}”?",
    "fr": "D'après « {title} », qu'est-ce qui manque ici : « {sentence} » ?",
}
_ASK: dict[Language, str] = {
    "en": "Write one question that this sentence answers with “{answer}”. Do not give the answer "
    "away. Write the question only.\n\n{sentence}",
    "fr": "Écris une question à laquelle cette phrase répond par « {answer} ». Ne donne pas la "
    "réponse. Écris seulement la question.\n\n{sentence}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fact:
    """A sentence and the span of what it answers."""

    doc: str
    title: str
    lang: Language
    text: str
    start: int
    end: int

    @property
    def answer(self) -> str:
        """The figure or day, as written."""
        return self.text[self.start : self.end].strip()


def draft_cases(
    docs_dir: Path, *, per_document: int, seed: int, writer: Writer | None = None
) -> list[dict[str, Any]]:
    """Propose cases from a folder of documents; the same seed proposes the same.

    Args:
        docs_dir: folder of documents.
        per_document: most sentences of one document that are asked.
        seed: of the choice of sentences and swaps.
        writer: words the questions; a sentence with a gap is asked where it cannot, or is None.

    Raises:
        DocumentError: a document cannot be read.
        UsageError: there is no such folder.
    """
    chooser = random.Random(seed)
    read = [documents.read(file) for file in documents.scan(docs_dir)[0]]
    sentences = {item.doc: _sentences(item) for item in read}
    known = [set(words(text)) for texts in sentences.values() for text in texts]
    names = sorted({n for texts in sentences.values() for t in texts for n in _names(t)})
    cases: list[dict[str, Any]] = []
    for item in read:
        lang: Language = "fr" if item.lang == "fr" else "en"
        facts = [
            _Fact(doc=item.doc, title=item.title, lang=lang, text=text, start=span[0], end=span[1])
            for text in sentences[item.doc]
            if (span := _asked_span(text, lang))
        ]
        for fact in chooser.sample(facts, min(per_document, len(facts))):
            number = len(cases) + 1
            case = _case(fact, f"draft-{number:04d}", writer)
            cases.append(case)
            missed = _near_miss(case, names, known, chooser)
            if missed:
                cases.append(missed)
    return cases


def _sentences(item: documents.Extracted) -> list[str]:
    """Sentences that state something: no headings, no table rows, of a usable length."""
    found = documents.passages(item, max_characters=10_000)
    texts = (sentence.text for passage in found for sentence in passage.sentences)
    return [t for t in texts if _WORDS[0] <= len(t.split()) <= _WORDS[1] and " | " not in t]


def _names(text: str) -> list[str]:
    """Names as written, without those that open with a capitalised "For" or "Pour"."""
    found = (text[name.start : name.end] for name in find_names(text))
    return [name for name in found if words(name)[0] not in ALL_STOP_WORDS]


def _are_akin(one: str, other: str) -> bool:
    """Names of one kind share a word, and neither is the other's short form."""
    first, second = set(words(one)), set(words(other))
    return bool(first & second - ALL_STOP_WORDS) and not first <= second and not second <= first


def _asked_span(text: str, lang: Language) -> tuple[int, int] | None:
    """The first figure with a unit or scale, else a full day; None if there is neither."""
    for figure in find_figures(text, lang=lang):
        if figure.unit or figure.high >= 1_000:
            return figure.start, figure.end
    for span in find_dates(text):
        if span.first == span.last:
            return span.start, span.end
    return None


def _case(fact: _Fact, identifier: str, writer: Writer | None) -> dict[str, Any]:
    gapped = fact.text[: fact.start] + GAP + fact.text[fact.end :]
    written = writer(fact.text, fact.answer, fact.lang) if writer else None
    return {
        "id": identifier,
        "question": written or _CLOZE[fact.lang].format(title=fact.title, sentence=gapped),
        "answerable": True,
        "answers": [fact.answer],
        "must_include": [[fact.answer]],
        "evidence": [{"doc": fact.doc, "quote": fact.text}],
        "language": fact.lang,
        "category": "draft",
        "draft": True,
        "made_by": "model" if written else "rules",
        "review": "Is the question natural, and the quote its only answer?",
    }


def _near_miss(
    case: dict[str, Any],
    names: Sequence[str],
    known: Sequence[set[str]],
    chooser: random.Random,
) -> dict[str, Any] | None:
    """The same question with a name or a year swapped, so that the documents do not answer it."""
    question, quote = case["question"], case["evidence"][0]["quote"]
    # Of the sentence only: a document of another title would be asked for, not another fact.
    swaps = [
        (name, other)
        for name in dict.fromkeys(_names(quote))
        for other in names
        if _are_akin(name, other) and other not in question
    ]
    swaps += [
        (day, day.replace(str(span.first.year), str(span.first.year + years)))
        for span in find_dates(quote)
        for day in (quote[span.start : span.end],)
        for years in (-2, 2)
    ]
    chooser.shuffle(swaps)
    for old, new in swaps:
        # The last one, because a title may stand before the sentence; "Llama 3" is not "Llama 3.1".
        places = list(re.finditer(rf"(?<!\w){re.escape(old)}(?!\w|[.,]\d)", question))
        if not places or old in case["answers"][0] or case["answers"][0] in old:
            continue
        before, after = question[: places[-1].start()], question[places[-1].end() :]
        swapped = before + new + after
        # Held by a sentence already: then the documents may well answer the swapped question.
        wanted = set(words(new)) | set(content_words(before + after))
        if swapped == question or any(
            set(words(new)) <= held and len(wanted & held) > len(wanted) / 2 for held in known
        ):
            continue
        return {
            "id": f"{case['id']}-near-miss",
            "question": swapped,
            "answerable": False,
            "answers": [],
            "language": case["language"],
            "category": "draft near miss",
            "draft": True,
            "made_by": "rules",
            "swapped": [old, new],
            "review": "Do the documents really not say this?",
        }
    return None


def feedback_cases(path: Path) -> list[dict[str, Any]]:
    """Drafts from the page's download of ratings: the answers that were marked as bad.

    Raises:
        DatasetError: the file is not in the page's form.
    """
    return [
        {
            **case.data,
            # What the right answer is, only a person knows: left out of the scores till then.
            "answerable": None,
            "answers": [],
            "category": "draft feedback",
            "draft": True,
            "made_by": "feedback",
            "review": "Say if it is answerable, and give answers, must_include and evidence.",
        }
        for case in load_dataset(path).cases
        if case.data.get("verdict") == "bad"
    ]


def write_drafts(path: Path, cases: Sequence[dict[str, Any]]) -> None:
    """Write drafts as a set whose header says what they are."""
    header = {"header": {"draft": True, "cases": len(cases), "note": "Review before use."}}
    lines = [json.dumps(item, ensure_ascii=False) for item in (header, *cases)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def is_usable(question: str, sentence: str, answer: str) -> bool:
    """A question that is about the sentence and does not give the answer away.

    Small models write "What is the answer to this question?", or the answer itself.
    """
    shared = set(content_words(question)) & set(content_words(sentence))
    return question.endswith("?") and len(shared) >= 2 and not contains(question, answer)


@contextmanager
def model_writer(config: Config) -> Iterator[Writer]:
    """A writer that lets the chat model word the questions.

    Raises:
        ModelFileError: the model cannot be loaded.
    """
    path = chat_model_path(config.chat_model, config.models_dir)
    model = ChatModel(path, context_tokens=config.context_tokens)

    def write(sentence: str, answer: str, lang: Language) -> str | None:
        content = _ASK[lang].format(answer=answer, sentence=sentence)
        tokens = model.render([{"role": "user", "content": content}])
        reply = "".join(model.stream(tokens, max_tokens=_MAX_QUESTION_TOKENS)).strip()
        question = reply.split("\n")[0].strip(' "“”«»')
        return question if is_usable(question, sentence, answer) else None

    try:
        yield write
    finally:
        model.close()
