"""Reading a question: its words, names, what it wants, its day."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.questions import MAX_CHARACTERS, Question, normalise, parts, read_question

TODAY = date(2026, 11, 22)


def read(text: str) -> Question:
    return read_question(text, today=TODAY)


@pytest.mark.parametrize(
    ("text", "wants"),
    [
        ("How many times has Llama been downloaded?", "figure"),
        ("How much did Meta spend in 2024?", "figure"),
        ("What percentage of the code does AI write?", "figure"),
        ("How old is Llama?", "figure"),
        ("Combien de fois Llama a-t-il été téléchargé ?", "figure"),
        ("Quelle part du code l'IA écrit-elle ?", "figure"),
        ("When was Llama 4 released?", "date"),
        ("On what day was LlamaCon?", "date"),
        ("Quand Llama 4 est-il sorti ?", "date"),
        ("En quelle année ?", "date"),
        ("Who leads Meta's AI?", "person"),
        ("Qui dirige l'IA chez Meta ?", "person"),
        ("À qui appartient Llama ?", "person"),
        ("What is Llama?", "other"),
        ("Pourquoi ?", "other"),
    ],
)
def test_what_type_of_answer_is_wanted(text: str, wants: str) -> None:
    assert read(text).wants == wants


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("How much did Meta spend in 2024?", "dollar"),
        ("Combien Meta a-t-il dépensé ?", "dollar"),
        ("What were the costs?", "dollar"),
        ("Quels sont les coûts ?", "dollar"),
        ("What percentage is it?", "percent"),
        ("Quelle part du code ?", "percent"),
        ("How many GB does it take?", "gigabyte"),
        ("Combien de mémoire faut-il ?", "gigabyte"),
        ("Which governments use it?", ""),
        ("What did Google say?", ""),
        ("Who are the partners?", ""),
        ("What was Llama rated?", ""),
        ("What happened on the ramp?", ""),
    ],
)
def test_what_unit_is_wanted(text: str, unit: str) -> None:
    assert read(text).unit == unit


@pytest.mark.parametrize(
    ("text", "first", "last", "relation"),
    [
        ("What happened on 29 April 2025?", date(2025, 4, 29), date(2025, 4, 29), "on"),
        ("downloads in mid-March", date(2026, 3, 10), date(2026, 3, 22), "on"),
        ("les téléchargements en avril 2025", date(2025, 4, 1), date(2025, 4, 30), "on"),
        ("spending before March 2025", date(2025, 3, 1), date(2025, 3, 31), "before"),
        ("avant le 29 avril 2025", date(2025, 4, 29), date(2025, 4, 29), "before"),
        ("since April 2025", date(2025, 4, 1), date(2025, 4, 30), "after"),
        ("depuis avril 2025", date(2025, 4, 1), date(2025, 4, 30), "after"),
        ("after the 5 April 2025", date(2025, 4, 5), date(2025, 4, 5), "after"),
        ("last year's capex", date(2025, 1, 1), date(2025, 12, 31), "on"),
        ("l'an dernier", date(2025, 1, 1), date(2025, 12, 31), "on"),
        ("cette année", date(2026, 1, 1), date(2026, 12, 31), "on"),
    ],
)
def test_the_day_that_is_asked_about(text: str, first: date, last: date, relation: str) -> None:
    question = read(text)
    assert question.as_of is not None
    assert (question.as_of.first, question.as_of.last) == (first, last)
    assert question.relation == relation


def test_no_day_is_made_up() -> None:
    assert read("How many downloads does Llama 3.1 405B have?").as_of is None


def test_names_versions_and_words() -> None:
    question = read("Combien Meta demande-t-il pour Llama 3.1 405B et l’API Llama ?")
    assert [name.parts for name in question.names] == [
        ("meta",),
        ("llama", "3.1", "405b"),
        ("api", "llama"),
    ]
    assert question.versions == {"3.1", "405b"}
    assert question.language == "fr"
    assert len(question.words) == len(set(question.words))
    assert "pour" not in question.words
    assert read_question("Llama ?", today=TODAY, language="fr").language == "fr"


@pytest.mark.parametrize(
    ("typed", "read_as"),
    [
        ("  What \n is\t it? ", "What is it?"),
        ("a\x00b", "a b"),
        ("e\u0301te\u0301", "été"),
        ("\u202eabc\u200d\ufeff", "abc"),
        ("\ud800abc", "?abc"),
        ("\u3000\u00a0", ""),
        ("", ""),
    ],
)
def test_a_question_becomes_one_printable_line(typed: str, read_as: str) -> None:
    assert normalise(typed) == read_as


@given(st.text(alphabet=st.characters(), max_size=300))
def test_any_text_can_be_read(typed: str) -> None:
    line = normalise(typed)
    assert line.isprintable()
    assert normalise(line) == line
    line.encode("utf-8")
    read(line)


def test_an_endless_question_is_cut() -> None:
    assert len(normalise("word " * 20_000)) <= MAX_CHARACTERS


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "Which Llama Stack supported Scout, and how many tokens can that model read?",
            [
                "Which Llama Stack supported Scout",
                "how many tokens can that model read (Llama Stack Scout)",
            ],
        ),
        (
            "Où se trouve Hyperion et depuis quand Meta le construit-il ?",
            ["Où se trouve Hyperion", "depuis quand Meta le construit-il"],
        ),
        (
            "Where did the suit stand in February, but what came of it in June? (Kadrey)",
            ["Where did the suit stand in February", "what came of it in June"],
        ),
        ("How many downloads were counted in March and April?", []),
        ("Who said what?", []),
        ("Did it work and how?", []),
    ],
)
def test_questions_that_are_asked_in_one_are_told_apart(text: str, found: list[str]) -> None:
    taken = [part.split(" (")[0] for part in parts(read(text))]
    assert taken == [part.split(" (")[0] for part in found]
    for part, expected in zip(parts(read(text)), found, strict=True):
        for name in expected.partition(" (")[2].rstrip(")").split():
            assert name in part


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("Which is older, the mill or Harbour House?",
         ["Which is older, the mill?", "Which is older, Harbour House?"]),
        ("Does Scout or Maverick have more experts?",
         ["Does Scout have more experts?", "Does Maverick have more experts?"]),
        ("Does Llama 4 Scout have more experts than Maverick?",
         ["Does Llama 4 Scout have more experts?", "Does Maverick have more experts?"]),
        ("Was the count of downloads higher or lower than the audience of Meta AI?",
         ["Was the count of downloads higher?", "the audience of Meta AI?"]),
        ("Entre Scout et Maverick, lequel a le plus d'experts ?",
         ["Scout, lequel a le plus d'experts ?", "Maverick, lequel a le plus d'experts ?"]),
        ("Le prix est-il plus élevé que l'audience de Meta AI ?",
         ["Le prix est-il plus élevé?", "l'audience de Meta AI?"]),
        ("Who is older or younger?", []),
        ("Did Meta win, yes or no?", []),
        ("Is Llama 3.3 cheaper than it was?", []),
        ("Est-ce que Meta publie les poids que les entreprises demandent ?", []),
    ],
)  # fmt: skip
def test_what_is_compared_is_asked_of_each(text: str, sides: list[str]) -> None:
    assert parts(read(text)) == sides
