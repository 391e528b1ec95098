"""Second stage: which sentences of the found passages answer the question.

Each candidate sentence gets a few cheap, explainable features (meaning, coverage of the
question's rare words and names, type of answer, date), and a logistic model fitted on the
development questions turns them into a score. Knows nothing of prompts or of the chat model.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from chatbot.dates import DateSpan, find_dates
from chatbot.grounding import find_figures, find_names
from chatbot.language import ALL_STOP_WORDS, stem, words
from chatbot.lexicon import stems_in_both
from chatbot.questions import Question
from chatbot.records import Evidence, Passage, ScoredPassage, Sentence
from chatbot.retrieval import Hits, Searcher

IN_SCOPE = 0.7
"""From this probability on a question counts as one that the documents speak of. Among those the
first stage tells answerable from near miss wrongly: near misses are worded like the documents.
Without a ceiling, with 0.7, 0.5 and 0.3 their AUROC on llama-dev is .833, .877, .885 and .888, and
.994, .989, .985 and .975 for questions from elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticModel:
    """sigmoid(intercept + Σ weight · feature), with where it was fitted."""

    intercept: float
    weights: Mapping[str, float]

    def probability(self, features: Mapping[str, float]) -> float:
        """0…1; a feature the model does not know counts nothing."""
        total = self.intercept + sum(
            weight * features.get(name, 0.0) for name, weight in self.weights.items()
        )
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


@cache
def load_model(name: str) -> LogisticModel:
    """A fitted model of the package.

    `evidence`: is this sentence evidence? `scope`: do the documents speak of this at all?
    `answerable`: if so, do they say it? The `_plain` ones are for documents without written
    questions, of which the last cannot be told.
    """
    data = json.loads((files("chatbot") / "fitted" / f"{name}.json").read_text(encoding="utf-8"))
    return LogisticModel(intercept=data["intercept"], weights=data["weights"])


def find_evidence(
    question: Question,
    searcher: Searcher,
    hits: Hits,
    found: Sequence[tuple[int, ScoredPassage]],
) -> list[Evidence]:
    """Every sentence of the found passages with its score, best first."""
    models = {True: load_model("evidence"), False: load_model("evidence_plain")}
    covered = searcher.written.documents
    top = float(hits.fused[found[0][0]]) if found else 0.0
    candidates: list[tuple[int, Passage, Sentence, dict[str, float]]] = []
    for rank, (row, scored) in enumerate(found):
        first = int(searcher.index.first_sentence[row])
        passage = scored.passage
        for number, sentence in enumerate(passage.sentences):
            features = sentence_features(question, passage, number, searcher)
            features |= {
                "meaning": (float(hits.sentence_similarity[first + number]) - 0.8) * 10,
                "latent": float(hits.sentence_latent[first + number]) * 5,
                "passage_meaning": (float(hits.similarity[row]) - 0.8) * 10,
                "passage_fused": float(hits.fused[row]),
                "passage_behind": float(hits.fused[row]) - top,
                "passage_first": 1.0 if rank == 0 else 0.0,
                "same_language": float(passage.lang == question.language),
                "written": float(hits.sentence_asked[first + number]),
                "adapted": float(hits.sentence_adapted[first + number]),
            }
            candidates.append((first + number, passage, sentence, features))
    # How far behind the best candidate: a score means something only among its rivals.
    for name in ("meaning", "latent", "coverage", "coverage_around", "written", "adapted"):
        best = max((features[name] for *_, features in candidates), default=0.0)
        for *_, features in candidates:
            features[f"{name}_behind"] = features[name] - best
    evidence = [
        Evidence(
            sentence=sentence,
            passage=passage,
            score=models[passage.doc in covered].probability(features),
            features=features,
            row=sentence_row,
        )
        for sentence_row, passage, sentence, features in candidates
    ]
    return sorted(evidence, key=lambda item: -item.score)


def answer_probability(
    question: Question, evidence: Sequence[Evidence], searcher: Searcher, hits: Hits
) -> float:
    """Probability that the evidence, best first, answers the question, 0…1."""
    if not evidence:
        return 0.0
    features = answerable_features(question, evidence, searcher, hits)
    written = searcher.written
    if evidence[0].passage.doc not in written.documents or not written.tell_refusals:
        return round(load_model("scope_plain").probability(features), 4)
    speak = load_model("scope").probability(features)
    answered = load_model("answerable").probability(features)
    return round(min(1.0, speak / IN_SCOPE) * answered, 4)


def answerable_features(
    question: Question, evidence: Sequence[Evidence], searcher: Searcher, hits: Hits
) -> dict[str, float]:
    """What tells whether the documents speak of the question at all.

    Args:
        question: as read.
        evidence: best first, not empty.
        searcher: the index they come from.
        hits: what it found.
    """
    best = evidence[0]
    keywords = searcher.keywords
    weights = {word: keywords.weight(stems_in_both(word)) for word in question.words}
    total = sum(weights.values()) or 1.0
    around = _stems(f"{best.passage.title} {best.passage.section} {best.passage.text}")
    unknown = [
        word
        for word in weights
        if not any(variant in keywords.document_count for variant in stems_in_both(word))
    ]
    return {
        "meaning": best.features["meaning"],
        "meaning_anywhere": max(item.features["meaning"] for item in evidence),
        "latent_anywhere": max(item.features["latent"] for item in evidence),
        "passage_meaning": best.features["passage_meaning"],
        "passage_anywhere": max(item.features["passage_meaning"] for item in evidence),
        "sentence_score": best.score,
        "wants_figure": float(question.wants == "figure"),
        "coverage": sum(w for word, w in weights.items() if stems_in_both(word) & around) / total,
        "unknown_words": len(unknown) / max(1, len(weights)),
        "written_answered": hits.neighbours.answered - 0.5,
        "written_closest": (hits.neighbours.closest - 0.9) * 10,
        "written_margin": hits.neighbours.margin * 10,
        "written_same": hits.neighbours.same,
        "written_near": (hits.neighbours.answered - 0.5) * hits.neighbours.near,
    }


def sentence_features(
    question: Question, passage: Passage, number: int, searcher: Searcher
) -> dict[str, float]:
    """Features of one sentence that need no vectors; each 0…1 unless said otherwise."""
    sentence = passage.sentences[number]
    own = _stems(sentence.text)
    before = _stems(passage.sentences[number - 1].text) if number else frozenset()
    heading = _stems(f"{passage.title} {passage.section}")
    weights = {word: searcher.keywords.weight(stems_in_both(word)) for word in question.words}
    total = sum(weights.values()) or 1.0

    def coverage(held: frozenset[str]) -> float:
        return sum(w for word, w in weights.items() if stems_in_both(word) & held) / total

    asked = question.versions
    held_versions = {word for word in words(sentence.text) if word in asked}
    around = {word for word in words(f"{passage.title} {passage.section}") if word in asked}
    return {
        "coverage": coverage(own),
        "coverage_around": coverage(own | before | heading),
        "coverage_heading": coverage(heading),
        "versions": len(held_versions) / len(asked) if asked else 0.5,
        "versions_missing": float(bool(asked - held_versions - around)),
        "answer_type": _answer_type(question, sentence),
        "is_question": float(sentence.text.endswith("?")),
        "date_fit": _date_fit(question, passage, sentence),
        "length": min(1.0, len(sentence.text) / 300),
        "is_row": float(" | " in sentence.text),
        "opening": float(number == 0),
    }


@lru_cache(maxsize=65536)
def _stems(text: str) -> frozenset[str]:
    found = [word for word in words(text) if word not in ALL_STOP_WORDS]
    return frozenset(variant for word in found for variant in _variants(word))


@lru_cache(maxsize=65536)
def _variants(word: str) -> frozenset[str]:
    return frozenset({stem(word, "en"), stem(word, "fr")})


def _answer_type(question: Question, sentence: Sentence) -> float:
    """1 when the sentence holds what the question asks for: a figure, a date, a person."""
    if question.wants == "figure":
        asked = find_figures(question.text)
        fresh = [
            figure
            for figure in _figures(sentence.text)
            if not any(figure.same_value(other) for other in asked)
        ]
        if question.unit and any(figure.unit == question.unit for figure in fresh):
            return 1.0
        return 0.8 if fresh else 0.0
    if question.wants == "date":
        return float(bool(_dates(sentence.text)))
    if question.wants == "person":
        asked_names = {part for name in question.names for part in name.parts}
        return float(any(not set(name.parts) <= asked_names for name in find_names(sentence.text)))
    return 0.5


@lru_cache(maxsize=16384)
def _figures(text: str) -> tuple:  # type: ignore[type-arg]
    return tuple(find_figures(text))


@lru_cache(maxsize=16384)
def _dates(text: str) -> tuple[DateSpan, ...]:
    return tuple(find_dates(text))


def _date_fit(question: Question, passage: Passage, sentence: Sentence) -> float:
    """How well the day of a statement fits the question's: 0.5 when nothing is asked."""
    if question.as_of is None:
        return 0.5
    spans = _dates(sentence.text)
    wanted = question.as_of
    if question.relation == "on":
        if any(span.overlaps(wanted) for span in spans):
            return 1.0
        day = passage.as_of or passage.published
        if day and wanted.first <= day <= wanted.last:
            return 0.8
        if spans or day is None:
            return 0.0
        distance = min(abs((day - wanted.first).days), abs((day - wanted.last).days))
        return 0.5 * math.exp(-distance / 60)
    day = spans[0].first if spans else (passage.as_of or passage.published)
    if day is None:
        return 0.3
    fits = day < wanted.first if question.relation == "before" else day > wanted.last
    return 0.8 if fits else 0.0
