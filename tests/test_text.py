"""Words, dates and figures in text; follow-ups; what supports what: the pure modules."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pure_cases import sentences

from chatbot import documents
from chatbot.conversation import standalone
from chatbot.dates import find_dates, parse_date
from chatbot.errors import DocumentError
from chatbot.figures import find_figures
from chatbot.grounding import check, unsupported_items
from chatbot.language import detect
from chatbot.records import Turn

DOCS = Path(__file__).resolve().parent.parent / "docs"


SENTENCES = [text for text, _ in sentences()]


def changed_figures(sentence: str) -> Iterator[str]:
    for figure in find_figures(sentence):
        for position in range(figure.start, figure.end):
            if sentence[position].isdigit():
                digit = str((int(sentence[position]) + 3) % 10 or 7)
                yield sentence[:position] + digit + sentence[position + 1 :]
                break


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SENTENCES), st.randoms(use_true_random=False))
def test_a_changed_figure_is_never_supported(sentence: str, chance: random.Random) -> None:
    drafts = list(changed_figures(sentence))
    if drafts:
        draft = chance.choice(drafts)
        held = {(f.low, f.high) for f in find_figures(sentence)}
        if {(f.low, f.high) for f in find_figures(draft)} - held:
            assert not check(draft, [sentence]).supported


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([s for s in SENTENCES if "Meta" in s.split()]))
def test_a_foreign_name_is_never_supported(sentence: str) -> None:
    draft = " ".join("Qualcomm" if word == "Meta" else word for word in sentence.split())
    assert "Qualcomm" in " ".join(unsupported_items(f"Yes, {draft}", [sentence]))


@pytest.mark.parametrize(
    "draft",
    [
        "Llama had not been downloaded 1.2 billion times.",
        "Llama had been downloaded 1.2 million times.",
        "Llama had been downloaded over 1.2 billion times.",
        "As of 29 April 2024, Llama had been downloaded 1.2 billion times.",
        "Llama 3 had been downloaded 1.2 billion times.",
        "Zuckerberg said Llama had been downloaded 1.2 billion times.",
        "Llama had been downloaded 1.2 billion times by developers in France.",
    ],
)
def test_hostile_drafts_are_refused(draft: str) -> None:
    source = "As of 29 April 2025, Llama had been downloaded 1.2 billion times."
    assert not check(draft, [source]).supported


def test_swapped_figures_are_refused() -> None:
    source = "Llama 4 Scout has 109 billion parameters and Llama 4 Maverick has 400 billion."
    assert check("Llama 4 Maverick has 400 billion parameters.", [source]).supported
    assert not check("Llama 4 Scout has 400 billion parameters.", [source]).supported


@pytest.mark.parametrize(
    ("text", "low", "high", "unit"),
    [
        ("1.2 billion", 1.2e9, 1.2e9, ""),
        ("1.2B", 1.2e9, 1.2e9, ""),
        ("1,2 milliard", 1.2e9, 1.2e9, ""),
        ("1\u00a0200\u00a0millions", 1.2e9, 1.2e9, ""),
        ("USD 64-72 billion", 64e9, 72e9, "dollar"),
        ("de 64 à 72 milliards de dollars", 64e9, 72e9, "dollar"),
        ("$37–40 billion", 37e9, 40e9, "dollar"),
        ("33,4 %", 33.4, 33.4, "percent"),
        ("16,000 GPUs", 16000, 16000, ""),
        ("16\u202f000 GPU", 16000, 16000, ""),
        ("128K tokens", 128000, 128000, ""),
        ("8 Go", 8, 8, "gigabyte"),
    ],
)
def test_figures(text: str, low: float, high: float, unit: str) -> None:
    (figure,) = find_figures(f"This is {text} here.")
    assert (figure.low, figure.high, figure.unit) == pytest.approx((low, high, unit))


@pytest.mark.parametrize("text", ["Llama 3.1", "on 29 April 2025", "in 2024", "Q2 2024", "GPT-4"])
def test_names_and_dates_are_no_figures(text: str) -> None:
    assert find_figures(f"It was {text} then.") == []


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("29 April 2025", date(2025, 4, 29), date(2025, 4, 29)),
        ("le 1er avril 2025", date(2025, 4, 1), date(2025, 4, 1)),
        ("April 29, 2025", date(2025, 4, 29), date(2025, 4, 29)),
        ("décembre 2024", date(2024, 12, 1), date(2024, 12, 31)),
        ("Q2 2024", date(2024, 4, 1), date(2024, 6, 30)),
        ("deuxième trimestre 2024", date(2024, 4, 1), date(2024, 6, 30)),
        ("in 2025", date(2025, 1, 1), date(2025, 12, 31)),
    ],
)
def test_dates(text: str, first: date, last: date) -> None:
    (span,) = find_dates(f"It was {text}.")
    assert (span.first, span.last) == (first, last)


def test_late_april_contains_the_29th_and_bad_days_never_raise() -> None:
    (late,), (day,) = find_dates("late April 2025"), find_dates("29 April 2025")
    assert late.contains(day)
    for text in ("31 February 2025", "2025-13-45", "99 April 2025", "0 mai 2025"):
        find_dates(text)
    assert parse_date("2025-02-19T10:11:00Z") == date(2025, 2, 19)
    assert parse_date("soon") is None


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Combien de fois Llama a-t-il été téléchargé ?", "fr"),
        ("What is Llama 3?", "en"),
        ("Qui dirige l’IA de Meta ?", "fr"),
        ("llama 4 scout context?", "en"),
    ],
)
def test_the_language_of_a_question(question: str, expected: str) -> None:
    assert detect(question) == expected


def test_follow_ups() -> None:
    history = [
        Turn(role="user", content="How much did Meta invest in 2025?"),
        Turn(role="assistant", content="USD 72.22 billion."),
    ]
    assert standalone("And the year before?", history) == "How much did Meta invest in 2024?"
    assert standalone("And in 2026?", history) == "How much did Meta invest in 2026?"
    assert "Meta" in standalone("Why did it spend so much?", history)
    assert standalone("Who is Susan Li?", history) == "Who is Susan Li?"
    assert standalone("And in 2026?", []) == "And in 2026?"


def test_text_files_with_and_without_front_matter() -> None:
    plain = documents.read_bytes("a.txt", b"Le vieux moulin\n\nIl date de 1847.\n")
    assert (plain.title, plain.lang, plain.published, plain.as_of) == (
        "Le vieux moulin", "fr", None, None,
    )  # fmt: skip
    fenced = documents.read_bytes(
        "b.txt",
        b"---\ntitle: 'Meta: a conference'\ncrawlDate: 2025-05-01\nnewsDate: 2025-02-19\n"
        b"updated: 2025-03-01\n---\n```html\n<article><h1>LlamaCon</h1><p>Meta plans <b>LlamaCon"
        b"</b> &amp; more.</p><script>alert(1)</script></article>\n```\n",
    )
    assert fenced.title == "Meta: a conference"
    assert fenced.published == date(2025, 2, 19)
    assert "Meta plans LlamaCon & more." in fenced.text
    assert "<" not in fenced.text
    assert "alert" not in fenced.text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_encodings(encoding: str) -> None:
    text = "Le café déjà vu coûte trois euros à Orléans."
    assert text in documents.read_bytes("a.txt", text.encode(encoding)).text


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.txt", b""), ("a.txt", b"\x00\x01\x02" * 50), ("a.pdf", b"%PDF"), ("a.docx", b"PK\x03")],
)
def test_damaged_files_are_named(name: str, data: bytes) -> None:
    with pytest.raises(DocumentError):
        documents.read_bytes(name, data)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=600))
def test_offsets_are_exact_on_any_text(text: str) -> None:
    try:
        extracted = documents.read_bytes("a.md", text.encode())
    except DocumentError:
        return
    for passage in documents.passages(extracted, max_characters=200):
        assert extracted.text[passage.start : passage.end] == passage.text
        for sentence in passage.sentences:
            assert extracted.text[sentence.start : sentence.end] == sentence.text
