"""Dates in text, in English and French: which days they name and where they stand."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pure_cases import sentences

from chatbot.dates import DateSpan, find_dates, parse_date

TODAY = date(2026, 11, 22)
ENGLISH = ("January February March April May June July August September October November "
           "December").split()  # fmt: skip
FRENCH = ("janvier février mars avril mai juin juillet août septembre octobre novembre "
          "décembre").split()  # fmt: skip


def found(text: str, reference: date | None = None) -> list[tuple[str, str]]:
    return [
        (span.first.isoformat(), span.last.isoformat())
        for span in find_dates(text, reference=reference)
    ]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("29 April 2025", "2025-04-29", "2025-04-29"),
        ("the 29th of April 2025", "2025-04-29", "2025-04-29"),
        ("April 29, 2025", "2025-04-29", "2025-04-29"),
        ("Apr. 29, 2025", "2025-04-29", "2025-04-29"),
        ("mardi 29 avril 2025", "2025-04-29", "2025-04-29"),
        ("29 avr. 2025", "2025-04-29", "2025-04-29"),
        ("le 1er mai 2025", "2025-05-01", "2025-05-01"),
        ("2025-04-29", "2025-04-29", "2025-04-29"),
        ("29/04/2025", "2025-04-29", "2025-04-29"),
        ("04/29/2025", "2025-04-29", "2025-04-29"),
        ("29.04.2025", "2025-04-29", "2025-04-29"),
        ("April 2025", "2025-04-01", "2025-04-30"),
        ("avril 2025", "2025-04-01", "2025-04-30"),
        ("février 2024", "2024-02-01", "2024-02-29"),
        ("late April 2025", "2025-04-20", "2025-04-30"),
        ("fin avril 2025", "2025-04-20", "2025-04-30"),
        ("la fin d’avril 2025", "2025-04-20", "2025-04-30"),
        ("mid-March 2025", "2025-03-10", "2025-03-22"),
        ("mi-mars 2025", "2025-03-10", "2025-03-22"),
        ("début 2024", "2024-01-01", "2024-05-02"),
        ("early 2024", "2024-01-01", "2024-05-02"),
        ("milieu de 2024", "2024-05-01", "2024-09-01"),
        ("Q2 2024", "2024-04-01", "2024-06-30"),
        ("T2 2024", "2024-04-01", "2024-06-30"),
        ("second quarter of 2024", "2024-04-01", "2024-06-30"),
        ("quatrième trimestre 2024", "2024-10-01", "2024-12-31"),
        ("first half of 2025", "2025-01-01", "2025-06-30"),
        ("H2 2025", "2025-07-01", "2025-12-31"),
        ("premier semestre 2025", "2025-01-01", "2025-06-30"),
        ("summer 2025", "2025-06-01", "2025-08-31"),
        ("été 2025", "2025-06-01", "2025-08-31"),
        ("2025", "2025-01-01", "2025-12-31"),
        ("on 05/04/2025", "2025-01-01", "2025-12-31"),
        ("29–30 April 2025", "2025-04-29", "2025-04-30"),
        ("from 5 to 7 April 2025", "2025-04-05", "2025-04-07"),
        ("du 29 au 30 avril 2025", "2025-04-29", "2025-04-30"),
        ("April 5-7, 2025", "2025-04-05", "2025-04-07"),
    ],
)
def test_a_date_is_the_days_it_names(text: str, first: str, last: str) -> None:
    assert found(f"It was {text}, they say.") == [(first, last)]
    assert found(text) == [(first, last)]


@pytest.mark.parametrize("text", ["19 and 20 August 2025", "les 19 et 20 août 2025"])
def test_two_days_of_one_month_are_two_dates(text: str) -> None:
    assert found(text) == [("2025-08-19", "2025-08-19"), ("2025-08-20", "2025-08-20")]


@pytest.mark.parametrize(
    "text",
    [
        "1850",
        "2045",
        "$2025",
        "2025%",
        "2,025",
        "2025.5",
        "FY2025x",
        "I may go",
        "March on!",
        "the sept merveilles",
        "5 mars",
        "in May",
        "405B",
        "version 2.2025",
    ],
)
def test_what_is_no_date_without_more(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    ["31 February 2025", "30 février 2025", "April 31, 2025", "99 April 2025", "0 May 2025",
     "2025-13-45", "2025-02-31", "Q5 2024", "31/02/2025", "13/13/2025",
     "00/00/2025", "29 February 2023"],
)  # fmt: skip
def test_an_invalid_day_never_raises_and_is_no_day(text: str) -> None:
    assert all(span.first != span.last for span in find_dates(text, reference=TODAY))
    assert parse_date(text) is None


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("29 April", "2026-04-29", "2026-04-29"),
        ("le 29 avril", "2026-04-29", "2026-04-29"),
        ("April 29", "2026-04-29", "2026-04-29"),
        ("July 4th", "2026-07-04", "2026-07-04"),
        ("in March", "2026-03-01", "2026-03-31"),
        ("en mars", "2026-03-01", "2026-03-31"),
        ("mid-March", "2026-03-10", "2026-03-22"),
        ("25 December", "2025-12-25", "2025-12-25"),
        ("20 December", "2026-12-20", "2026-12-20"),
    ],
)
def test_without_a_year_the_reference_says_which(text: str, first: str, last: str) -> None:
    assert found(text) == []
    assert found(text, TODAY) == [(first, last)]


def test_spans_stand_where_their_words_do_and_never_overlap() -> None:
    text = "De 29 avril 2025 à fin 2025, puis Q1 2026 et le 5 février 2026 ; été 2024."
    spans = find_dates(text)
    assert [text[span.start : span.end] for span in spans] == [
        "29 avril 2025",
        "fin 2025",
        "Q1 2026",
        "5 février 2026",
        "été 2024",
    ]
    assert all(one.end <= other.start for one, other in pairwise(spans))


def test_containment_is_of_days() -> None:
    (late,), (day,), (year,) = map(find_dates, ("late April 2025", "29 April 2025", "2025"))
    assert late.contains(day)
    assert year.contains(late)
    assert not day.contains(late)
    assert late.overlaps(year)
    assert not find_dates("early April 2025")[0].contains(day)


@given(st.dates(date(1900, 1, 1), date(2039, 12, 31)), st.data())
def test_a_day_written_in_any_way_is_found(day: date, data: st.DataObject) -> None:
    english, french = ENGLISH[day.month - 1], FRENCH[day.month - 1]
    text = data.draw(
        st.sampled_from(
            [
                f"{day.day} {english} {day.year}",
                f"{english} {day.day}, {day.year}",
                f"le {day.day} {french} {day.year}",
                f"{day.day} {french.upper()} {day.year}",
                day.isoformat(),
                f"{day.day:02d}.{day.month:02d}.{day.year}",
            ]
        )
    )
    assert [(span.first, span.last) for span in find_dates(text)] == [(day, day)]
    assert parse_date(text) == day


@given(st.text(alphabet="0123456789/-.,: aeAprilmQTfiné–", max_size=60), st.booleans())
def test_no_text_raises(text: str, with_reference: bool) -> None:
    for span in find_dates(text, reference=TODAY if with_reference else None):
        assert span.first <= span.last
        assert 0 <= span.start < span.end <= len(text)
    parse_date(text)


@given(st.dates(date(2000, 1, 1), date(2035, 1, 1)))
def test_a_yearless_day_lies_within_a_year_before_and_a_month_after(reference: date) -> None:
    for span in find_dates("4 July, le 12 mars, December 31", reference=reference):
        assert reference - timedelta(days=366) <= span.first <= reference + timedelta(days=34)


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2025-04-29T10:00:00Z", date(2025, 4, 29)),
        ("Tue, 29 Apr 2025 10:00:00 GMT", date(2025, 4, 29)),
        (date(2025, 4, 29), date(2025, 4, 29)),
        (1745900000, date(2025, 4, 29)),
        (1745900000000, date(2025, 4, 29)),
        ("1745900000", date(2025, 4, 29)),
        (20250429, date(2025, 4, 29)),
        ("20250429", date(2025, 4, 29)),
        ("29 avril 2025", date(2025, 4, 29)),
    ],
)
def test_metadata_dates_are_read_in_any_form(value: object, day: date) -> None:
    assert parse_date(value) == day


@pytest.mark.parametrize(
    "value",
    [None, True, "", "2025", "April 2025", "05/04/2025", "yesterday", float("nan"), float("inf"),
     -5, 10**400, "9" * 5000, "²²²²²²²²²", [], {}, 20251345],
)  # fmt: skip
def test_a_date_is_never_made_up(value: object) -> None:
    assert parse_date(value) is None


def test_the_corpus_has_days_and_all_of_them_are_plausible() -> None:
    spans: list[DateSpan] = [span for text, _ in sentences() for span in find_dates(text)]
    assert len(spans) > 400
    assert all(date(1998, 1, 1) <= span.first <= date(2033, 1, 1) for span in spans)
