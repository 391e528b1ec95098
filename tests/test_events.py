"""Events that date a question: which, how, and on which day."""

from __future__ import annotations

from datetime import date

import pytest

from chatbot.events import day_of, event_of
from chatbot.questions import read_question

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("text", "name", "relation"),
    [
        ("How many downloads were counted before LlamaCon?", ("llamacon",), "before"),
        ("What has happened since the LlamaCon?", ("llamacon",), "after"),
        ("What was the newest model at the time of LlamaCon?", ("llamacon",), "on"),
        ("Combien de téléchargements avant la LlamaCon ?", ("llamacon",), "before"),
        ("Qu'a fait Meta après LlamaCon ?", ("llamacon",), "after"),
        ("Which tools came after Llama 4?", ("llama", "4"), "after"),
    ],
)
def test_the_event_and_how_the_question_lies_to_it(
    text: str, name: tuple[str, ...], relation: str
) -> None:
    found = event_of(read_question(text, today=TODAY))
    assert found is not None
    assert found[0].parts == name
    assert found[1] == relation


@pytest.mark.parametrize(
    "text",
    [
        "What was announced at LlamaCon?",
        "How many downloads were counted before LlamaCon of 29 April 2025?",
        "Who ran Scale AI?",
        "What was there before?",
    ],
)
def test_most_questions_name_no_such_event(text: str) -> None:
    assert event_of(read_question(text, today=TODAY)) is None


def day(*sentences: str) -> date | None:
    found = event_of(read_question("What was there before LlamaCon?", today=TODAY))
    assert found is not None
    return day_of(found[0], sentences)


def test_the_day_is_the_one_that_most_sentences_give() -> None:
    assert day(
        "LlamaCon is set for 29 April 2025.",
        "La LlamaCon s’est tenue le 29 avril 2025.",
        "On 19 February 2025 Meta announced LlamaCon.",
        "The licence is of 5 April 2025.",
    ) == date(2025, 4, 29)


def test_an_event_without_a_certain_day_has_none() -> None:
    assert day("LlamaCon is set for 29 April 2025.") is None
    assert day("LlamaCon took place in April 2025.", "LlamaCon was in 2025.") is None
    assert (
        day(
            "LlamaCon is set for 29 April 2025.",
            "LlamaCon is set for 29 April 2025.",
            "On 19 February 2025 Meta announced LlamaCon.",
            "LlamaCon may be moved to 30 May 2025.",
        )
        is None
    )
    assert day() is None
