"""Numbers and kinds tell questions apart that are worded alike."""

from __future__ import annotations

import numpy as np
import pytest

from chatbot.marks import MORE_NUMBERS, OTHER_KIND, OTHER_NUMBERS, Marks, numbers_of


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("How many tokens does Llama 3.1 405B know?", {"3.1", "405b"}),
        ("Quel chiffre d'affaires au T3 2024 ?", {"q3", "2024"}),
        ("What was revenue in the third quarter of 2024?", {"q3", "2024"}),
        ("Combien en décembre 2024 ?", {"month 12", "2024"}),
        ("Was it out by May?", {"month 5"}),
        ("May I use it?", set()),
    ],
)
def test_numbers_are_read_in_one_form(text: str, numbers: set[str]) -> None:
    assert numbers_of(text) == numbers


def test_another_number_or_kind_makes_a_question_farther() -> None:
    marks = Marks.of(
        [
            "How many tokens does Llama 2 know?",
            "How many tokens does Llama 3 know?",
            "How many tokens does Llama know?",
            "When was Llama 3 shown?",
        ]
    )
    found = marks.distance("How many different tokens does Llama 3 know?")
    assert found == pytest.approx([OTHER_NUMBERS, 0, MORE_NUMBERS, OTHER_KIND])
    unknown = marks.distance("How many tokens does Llama 7 know?")
    assert unknown[:3] == pytest.approx([OTHER_NUMBERS, OTHER_NUMBERS, MORE_NUMBERS])


def test_marks_are_kept_as_they_are() -> None:
    marks = Marks.of(["Is 405B big?", "When was Llama 2 out?", "Who?"])
    kept = Marks.of_arrays(marks.arrays())
    for text in ("How big is 405B?", "When?", "Since when is Llama 2 out?"):
        assert np.array_equal(marks.distance(text), kept.distance(text))
    assert len(Marks.of([]).distance("Who?")) == 0
