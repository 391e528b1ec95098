"""The fitted models of evidence: what they weigh is computed."""

from __future__ import annotations

from datetime import date

import pytest

from chatbot.chatbot import Chatbot
from chatbot.evidence import answerable_features, find_evidence, load_model
from chatbot.questions import read_question

pytestmark = pytest.mark.model


def test_every_weight_has_a_feature(quoting: Chatbot) -> None:
    """A misspelt name would count as nothing, without a word."""
    searcher = quoting._searcher
    question = read_question("How many times has Llama been downloaded?", today=date(2026, 11, 23))
    hits = searcher.search(question.text)
    evidence = find_evidence(question, searcher, hits, searcher.best(hits, 8))
    of_question = answerable_features(question, evidence, searcher, hits)
    of_sentence = evidence[0].features
    for name, features in {
        "evidence": of_sentence,
        "evidence_plain": of_sentence,
        "scope": of_question,
        "scope_plain": of_question,
        "answerable": of_question,
    }.items():
        assert load_model(name).weights.keys() <= features.keys(), name


def test_without_written_questions_what_speaks_of_it_is_likelier_than_what_does_not(
    quoting: Chatbot,
) -> None:
    searcher = quoting._searcher
    model = load_model("scope_plain")

    def probability(text: str) -> float:
        question = read_question(text, today=date(2026, 11, 23))
        hits = searcher.search(text)
        evidence = find_evidence(question, searcher, hits, searcher.best(hits, 8))
        return model.probability(answerable_features(question, evidence, searcher, hits))

    answered = [
        probability("When was Llama 2 released?"),
        probability("Qui dirige l'équipe Llama chez Meta ?"),
    ]
    elsewhere = [
        probability("What is the boiling point of ethanol?"),
        probability("Quelle est la capitale de l'Australie ?"),
    ]
    assert min(answered) > max(elsewhere)
