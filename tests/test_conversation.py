"""Follow-ups made standalone by rules; a change of topic left as it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pure_cases import asked

from chatbot.conversation import standalone
from chatbot.language import content_words, words

SPENDING = "How much did Meta spend on capital expenditure in 2025?"
DEPENSES = "Combien Meta a-t-il investi en 2025 ?"
SCOUT = "How many parameters does Llama 4 Scout have?"
RELEASE = "When was Llama 3.1 released?"
QUARTER = "Quel a été le chiffre d'affaires de Meta au premier trimestre 2025 ?"


@pytest.mark.parametrize(
    ("before", "typed", "query"),
    [
        # the day
        (SPENDING, "And in 2026?", SPENDING.replace("2025", "2026")),
        (SPENDING, "What about 2024?", SPENDING.replace("2025", "2024")),
        (SPENDING, "And the year before?", SPENDING.replace("2025", "2024")),
        (SPENDING, "and the previous year?", SPENDING.replace("2025", "2024")),
        (SPENDING, "And the year after?", SPENDING.replace("2025", "2026")),
        (SPENDING, "and in Q2 2024?", SPENDING.replace("2025", "Q2 2024")),
        (DEPENSES, "Et en 2026 ?", DEPENSES.replace("2025", "2026")),
        (DEPENSES, "Et l'année précédente ?", DEPENSES.replace("2025", "2024")),
        (DEPENSES, "et au deuxième trimestre 2024 ?",
         "Combien Meta a-t-il investi en deuxième trimestre 2024 ?"),
        (QUARTER, "Et en 2026 ?", QUARTER.replace("2025", "2026")),
        (SPENDING, "Et en 2026 ?", SPENDING.replace("2025", "2026")),
        # the name or version
        (SCOUT, "And Maverick?", "How many parameters does Llama 4 Maverick have?"),
        (SCOUT, "And Llama 4 Maverick?", "How many parameters does Llama 4 Maverick have?"),
        (SCOUT, "What about Behemoth?", "How many parameters does Llama 4 Behemoth have?"),
        (RELEASE, "And Llama 3.3?", "When was Llama 3.3 released?"),
        (RELEASE, "And 3.2?", "When was Llama 3.2 released?"),
        (DEPENSES, "Et Microsoft ?", "Combien Microsoft a-t-il investi en 2025 ?"),
        ("Quelle est la fenêtre de contexte de Scout ?", "Et Maverick ?",
         "Quelle est la fenêtre de contexte de Maverick ?"),
    ],
)  # fmt: skip
def test_a_fragment_takes_the_place_of_its_like(before: str, typed: str, query: str) -> None:
    assert standalone(typed, asked(before, "An answer.")) == query


@pytest.mark.parametrize(
    ("before", "typed", "carried"),
    [
        (SCOUT, "How many experts does it have?", "Llama 4 Scout"),
        (SCOUT, "And how many experts?", "Llama 4 Scout"),
        (SCOUT, "When was it released?", "Llama 4 Scout"),
        (SCOUT, "Combien d'experts a-t-il ?", "Llama 4 Scout"),
        (SCOUT, "Is the model open source?", "Llama 4 Scout"),
        ("Who is Mark Zuckerberg?", "What did he say at LlamaCon?", "Mark Zuckerberg"),
        (RELEASE, "And its licence?", "Llama 3.1"),
        (RELEASE, "Quand est-il sorti ?", "Llama 3.1"),
        (RELEASE, "Why?", "Llama 3.1"),
        (DEPENSES, "Pourquoi ?", "Meta"),
        (SPENDING, "But why?", "capital expenditure"),
        (SPENDING, "What was it in April 2024?", "capital expenditure"),
    ],
)
def test_what_is_referred_to_is_carried_over(before: str, typed: str, carried: str) -> None:
    query = standalone(typed, asked(before, "An answer."))
    assert query.startswith(typed.rstrip())
    assert carried in query


@pytest.mark.parametrize(
    "typed",
    [
        "What is the capital of Australia?",
        "Who wrote The Lord of the Rings?",
        "How many times has Llama been downloaded?",
        "so what is Llama Guard?",
        "And in which countries can Llama be used?",
        "OK, something else: who became Chief AI Officer?",
        "When did Google release its first phone?",
        "Quelle est la capitale de l'Australie ?",
        "Combien de fois Llama a-t-il été téléchargé ?",
        "Est-ce que Llama 3 est open source ?",
        "Combien Apple a-t-il vendu ?",
        "Qui est Yann LeCun ?",
        "En Europe, qui utilise Mistral ?",
        "Il y a combien de langues dans Llama 4 ?",
    ],
)
@pytest.mark.parametrize("before", [SPENDING, SCOUT, DEPENSES])
def test_a_change_of_topic_is_left_alone(before: str, typed: str) -> None:
    assert standalone(typed, asked(before, "An answer.")) == typed


@pytest.mark.parametrize("typed", ["And in 2026?", "Why?", "Et Maverick ?", "What is Llama?", ""])
def test_without_a_history_nothing_changes(typed: str) -> None:
    assert standalone(typed, []) == typed


def test_a_chain_of_follow_ups_goes_back_to_its_question() -> None:
    history = asked(
        SPENDING, "USD 72 billion.", "And in 2026?", "More.", "And the year after?", "-"
    )
    assert standalone("And in 2024?", history) == SPENDING.replace("2025", "2024")
    history = asked(SCOUT, "109 billion.", "And Maverick?", "400 billion.")
    assert standalone("How many experts does it have?", history).endswith(
        "(Llama 4 Maverick parameters)"
    )


def test_of_two_that_were_spoken_of_both_are_carried() -> None:
    history = asked(SCOUT, "109 billion.", "And Maverick?", "400 billion.")
    query = standalone("What is the context window of the first one?", history)
    assert "Llama 4 Scout" in query


def test_an_answer_gives_the_name_that_no_question_gave() -> None:
    history = asked("who leads the new lab?", "The lab is led by Alexandr Wang.")
    assert "Alexandr Wang" in standalone("How old is he?", history)


def test_a_long_conversation_is_no_recursion_error() -> None:
    history = asked(*["And why does Meta do it?", "Because."] * 2_000)
    assert standalone("And then?", history) == "And then? (Meta)"


WORD = st.sampled_from(
    "and what about how many the Meta Llama Scout 405B 3.2 2024 in April it its licence Europe "
    "spend experts et combien quelle en l'année avant Maverick pour open Reality Labs".split()
)


@given(
    st.lists(WORD, min_size=1, max_size=7), st.sampled_from([SPENDING, DEPENSES, SCOUT, RELEASE])
)
@settings(max_examples=200, deadline=None)
def test_no_word_of_the_question_is_lost(parts: list[str], before: str) -> None:
    typed = " ".join(parts) + "?"
    query = standalone(typed, asked(before, "An answer."))
    # "And the year before?" moves the year of the question before instead.
    if "annee" not in words(typed):
        lost = set(content_words(typed)) - set(words(query))
        assert not lost
