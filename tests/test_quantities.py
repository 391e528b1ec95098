"""One quantity at several times: which value holds, and which are listed beside it."""

from __future__ import annotations

from datetime import date

import pytest
from pure_cases import corpus, evidence

from chatbot.quantities import prefer_current
from chatbot.questions import Question, read_question
from chatbot.records import Evidence

TODAY = date(2026, 11, 22)
DECEMBER = evidence(
    "Llama has been downloaded 650 million times.",
    score=0.9, published=date(2024, 12, 9), doc="december.md", start=40,
)  # fmt: skip
MARCH = evidence(
    "Llama was downloaded one billion times.",
    score=0.8, published=date(2025, 3, 19), doc="march.md",
)  # fmt: skip
APRIL = evidence(
    "As of 29 April 2025, Llama had been downloaded 1.2 billion times.",
    score=0.7, published=date(2025, 4, 30), doc="april.md", start=7,
)  # fmt: skip
USERS = evidence(
    "Meta AI is used by 1 billion people a month.",
    score=0.6, published=date(2025, 5, 28), doc="users.md",
)  # fmt: skip
ALL = [DECEMBER, MARCH, APRIL, USERS]
COUNT = "How many times has Llama been downloaded?"


def read(text: str) -> Question:
    return read_question(text, today=TODAY)


def lead(question: str, found: list[Evidence]) -> str:
    return prefer_current(read(question), found)[0][0].passage.doc


def test_without_a_day_the_newest_value_leads_and_the_others_are_listed_oldest_first() -> None:
    ordered, others = prefer_current(read(COUNT), ALL)
    assert ordered[0].sentence == APRIL.sentence
    assert ordered[0].score == max(item.score for item in ALL)
    assert [(other.value, other.as_of) for other in others] == [
        ("650 million", date(2024, 12, 9)),
        ("one billion", date(2025, 3, 19)),
    ]


def test_another_quantity_neither_leads_nor_is_listed() -> None:
    ordered, others = prefer_current(read(COUNT), ALL)
    assert USERS in ordered
    assert all(other.doc != "users.md" for other in others)
    assert lead("How many people use Meta AI?", [USERS, *ALL[:3]]) == "users.md"


def test_other_values_are_not_quoted_beside_the_one_that_holds() -> None:
    ordered, _ = prefer_current(read(COUNT), ALL)
    assert [item.passage.doc for item in ordered] == ["april.md", "users.md"]


@pytest.mark.parametrize(
    ("question", "doc"),
    [
        (COUNT, "april.md"),
        ("How many times had Llama been downloaded in 2024?", "december.md"),
        ("How many times had Llama been downloaded by March 2025?", "march.md"),
        ("How many times had Llama been downloaded on 15 March 2025?", "december.md"),
        ("How many times had Llama been downloaded before April 2025?", "march.md"),
        ("How many times has Llama been downloaded since April 2025?", "april.md"),
        ("Combien de fois Llama avait-il été téléchargé en décembre 2024 ?", "december.md"),
    ],
)
def test_with_a_day_the_value_that_held_then_leads(question: str, doc: str) -> None:
    assert lead(question, ALL) == doc


def test_a_planned_value_of_later_days_does_not_lead_before_its_day() -> None:
    plan = evidence(
        "Capital spending for 2025 will be USD 66-72 billion.",
        published=date(2025, 7, 30), score=0.9, doc="plan.md",
    )  # fmt: skip
    first = evidence(
        "Capital spending for 2025 will be USD 60-65 billion.",
        published=date(2025, 1, 24), score=0.8, doc="first.md",
    )  # fmt: skip
    question = "How much capital spending was planned in February 2025?"
    assert lead(question, [plan, first]) == "first.md"
    assert lead("How much capital spending is planned for 2025?", [first, plan]) == "plan.md"


def test_the_offsets_of_other_values_are_those_of_their_sentences() -> None:
    _, others = prefer_current(read(COUNT), ALL)
    (december, _) = others
    assert (december.start, december.end) == (40, 40 + len(DECEMBER.sentence.text))
    assert december.text == DECEMBER.sentence.text
    assert december.value in december.text


def test_the_same_value_said_twice_is_no_other_value() -> None:
    again = evidence(
        "Llama had 1,200 million downloads, it was downloaded that often.",
        published=date(2025, 5, 2), score=0.75, doc="again.md",
    )  # fmt: skip
    ordered, others = prefer_current(read(COUNT), [again, APRIL])
    assert others == ()
    # Of the two, the one that names its own day leads.
    assert ordered[0].sentence == APRIL.sentence


@pytest.mark.parametrize(
    "question", ["What is Llama?", "When was Llama 4 released?", "Who leads Meta?", "How many?"]
)
def test_a_question_for_no_quantity_changes_nothing(question: str) -> None:
    assert prefer_current(read(question), ALL) == (ALL, ())


def test_nothing_found_is_nothing_changed() -> None:
    assert prefer_current(read(COUNT), []) == ([], ())
    assert prefer_current(read(COUNT), [APRIL]) == ([APRIL], ())


def test_a_sentence_without_a_day_takes_no_part() -> None:
    undated = evidence("Llama was downloaded 3 billion times.", score=0.95, doc="undated.txt")
    ordered, others = prefer_current(read(COUNT), [undated, MARCH, APRIL])
    assert ordered[0].sentence == APRIL.sentence
    assert [other.doc for other in others] == ["march.md"]


def test_what_is_hardly_the_same_quantity_is_left_alone() -> None:
    far = evidence(
        "One repository alone was downloaded 3 million times.",
        published=date(2025, 6, 1), score=0.8, doc="far.md",
    )  # fmt: skip
    assert lead(COUNT, [APRIL, far]) == "april.md"
    euros = evidence(
        "Spending was EUR 40 billion.", published=date(2025, 6, 1), score=0.9, doc="eur.md"
    )
    dollars = evidence(
        "Spending was USD 39 billion.", published=date(2025, 5, 1), score=1.0, doc="usd.md"
    )
    assert lead("How much was the spending?", [dollars, euros]) == "usd.md"


def test_versions_are_not_mixed() -> None:
    old = evidence(
        "Llama 2 was downloaded 30 million times.",
        published=date(2023, 9, 1), score=0.9, doc="two.md",
    )  # fmt: skip
    new = evidence(
        "Llama 3 was downloaded 90 million times.",
        published=date(2024, 9, 1), score=0.85, doc="three.md",
    )  # fmt: skip
    assert lead("How many times was Llama 2 downloaded?", [old, new]) == "two.md"


def test_the_figure_next_to_what_is_measured_is_the_value_with_accents_too() -> None:
    early = evidence(
        "En 2024, 5 équipes ont dépensé 40 milliards de dollars.",
        published=date(2024, 12, 1), score=0.9, doc="tot.md",
    )  # fmt: skip
    late = evidence(
        "En 2025, 6 équipes ont dépensé 72 milliards de dollars.",
        published=date(2025, 12, 1), score=0.8, doc="tard.md",
    )  # fmt: skip
    ordered, others = prefer_current(read("Combien a été dépensé ?"), [early, late])
    assert ordered[0].passage.doc == "tard.md"
    assert [other.value for other in others] == ["40 milliards de dollars"]


def test_over_the_corpus_the_newest_download_count_leads() -> None:
    found = []
    for item, cut in corpus():
        for passage in cut:
            for sentence in passage.sentences:
                if "downloaded" in sentence.text and "illion" in sentence.text:
                    found.append(
                        evidence(
                            sentence.text,
                            published=item.published,
                            as_of=item.as_of,
                            doc=item.doc,
                            start=sentence.start,
                        )
                    )
    assert len(found) >= 3
    ordered, others = prefer_current(read(COUNT), found)
    assert "1.2 billion" in ordered[0].sentence.text
    texts = {item.doc: item.text for item, _ in corpus()}
    assert others
    for other in others:
        assert texts[other.doc][other.start : other.end] == other.text


def test_what_was_said_after_the_asked_day_stands_behind_what_was_said_before() -> None:
    newest = evidence(
        "Llama 4 is the newest family.", score=0.9, published=date(2025, 8, 1), doc="august.md"
    )
    then = evidence(
        "Llama 3.3 is the newest model.", score=0.5, published=date(2024, 12, 9), doc="then.md"
    )
    undated = evidence("Llama is a family of models.", score=0.3, published=None, doc="undated.md")
    found = [newest, then, undated]

    def docs(question: str) -> list[str]:
        return [item.passage.doc for item in prefer_current(read(question), found)[0]]

    assert docs("What was the newest Llama in mid January 2025?") == [
        "then.md", "undated.md", "august.md",
    ]  # fmt: skip
    assert docs("What is the newest Llama?") == ["august.md", "then.md", "undated.md"]
    # What happened in a year is often told after it.
    assert docs("What was the newest Llama of 2024?") == ["august.md", "then.md", "undated.md"]


def test_what_is_told_later_of_the_asked_day_itself_is_not_later() -> None:
    told = evidence(
        "On 29 April 2025 Meta released Llama Guard 4.", score=0.9, published=date(2025, 8, 1)
    )
    other = evidence("Meta released a tool.", score=0.5, published=date(2025, 4, 29))
    question = read("What did Meta release on 29 April 2025?")
    assert prefer_current(question, [told, other])[0] == [told, other]
