"""Figures in text: one value however it is written, and what only looks like a figure."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pure_cases import sentences

from chatbot.figures import Figure, find_figures

NARROW, NO_BREAK = "\u202f", "\u00a0"


def only(text: str) -> Figure:
    (figure,) = find_figures(text)
    return figure


def values(text: str) -> list[float]:
    return [figure.low for figure in find_figures(text)]


@pytest.mark.parametrize(
    ("value", "unit", "texts"),
    [
        (1.2e9, "", ["1.2 billion", "1.2B", "1.2bn", "1,2 milliard", "1 200 millions",
                     f"1{NARROW}200{NO_BREAK}millions", "1,200 million", "1200 million",
                     "1.2-billion"]),
        (65e7, "", ["650 million", "650M", "650 M", "650 millions", "0.65 billion",
                    "650,000,000", f"650{NARROW}000{NARROW}000", "650 000 000"]),
        (1e9, "", ["a billion", "one billion", "1 billion", "un milliard", "1 milliard"]),
        (2e12, "", ["2 trillion", "2T", "2 000 milliards", "two trillion"]),
        (33.4, "percent", ["33.4%", "33.4 %", f"33,4{NO_BREAK}%", "33.4 percent", "33,4 pour cent",
                           "33.4 per cent"]),
        (5.0, "percent", ["5%", "five percent", "cinq pour cent"]),
        (42.31e9, "dollar", ["$42.31 billion", "USD 42.31 billion", "US$42.31bn", "$42.31B",
                             "42,31 milliards de dollars", "42.31 billion dollars"]),
        (799.0, "dollar", ["$799", "799 $", "799 dollars", "USD 799"]),
        (8.0, "gigabyte", ["8 GB", "8GB", "8 Go"]),
        (16384.0, "", ["16,384", f"16{NARROW}384", f"16{NO_BREAK}384", "16384"]),
        (22.0, "", ["22", "twenty-two", "vingt-deux"]),
        (77.0, "", ["77", "seventy-seven", "soixante-dix-sept"]),
        (21.0, "", ["twenty-one", "vingt et un"]),
        (200_000.0, "", ["two hundred thousand", "deux cent mille", "200,000"]),
        (24.0, "", ["two dozen"]),
    ],
)  # fmt: skip
def test_one_value_in_any_notation(value: float, unit: str, texts: list[str]) -> None:
    for text in texts:
        figure = only(f"there are {text} of them")
        assert (figure.low, figure.high, figure.unit) == (pytest.approx(value), figure.low, unit)
        assert figure.same_value(only(texts[0]))


@pytest.mark.parametrize(
    ("text", "low", "high", "unit"),
    [
        ("$37–40 billion", 37e9, 40e9, "dollar"),
        ("USD 64-72 billion", 64e9, 72e9, "dollar"),
        ("between $37 and $40 billion", 37e9, 40e9, "dollar"),
        ("between USD 38.5 billion and USD 41 billion", 38.5e9, 41e9, "dollar"),
        ("entre 37 et 40 milliards de dollars", 37e9, 40e9, "dollar"),
        ("37 à 40 milliards", 37e9, 40e9, ""),
        ("10 to 12 million", 10e6, 12e6, ""),
        ("20-30% of the code", 20, 30, "percent"),
        ("20 % à 30 %", 20, 30, "percent"),
        ("$0.19-$0.49", 0.19, 0.49, "dollar"),
        ("19.2 to 50.2 points", 19.2, 50.2, "points"),
    ],
)
def test_a_range_is_one_figure_in_one_unit(text: str, low: float, high: float, unit: str) -> None:
    figure = only(text)
    assert (figure.low, figure.high) == (pytest.approx(low), pytest.approx(high))
    assert figure.unit == unit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from 19.2 to 50.2", [19.2, 50.2]),
        ("17B active of 109B total", [17e9, 109e9]),
        ("it rose 16% to USD 42.31 billion", [16, 42.31e9]),
        ("38.5 billion euros to 41 billion dollars", [38.5e9, 41e9]),
        ("5 and 6 of them", [5, 6]),
        ("In 5 of 6 cases", [5, 6]),
        ("Over 300 models and About 20 more", [300, 20]),
        ("Avec 16 experts", [16]),
        ("1, 3 et 5 modèles", [1, 3, 5]),
    ],
)
def test_figures_side_by_side_are_no_range(text: str, expected: list[float]) -> None:
    assert values(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "qualifier"),
    [
        ("650 million", "exact"),
        ("more than 650 million", "above"),
        ("plus de 650 millions", "above"),
        ("at least 650 million", "above"),
        ("over the 650 million", "above"),
        ("650M+", "above"),
        ("almost 1 billion", "below"),
        ("nearly $2 trillion", "below"),
        ("up to 10 million", "below"),
        ("près de 2 000 milliards", "below"),
        ("jusqu'à 10 millions", "below"),
        ("about 350,000", "about"),
        ("environ 7 milliards", "about"),
        ("roughly USD 80 billion", "about"),
        ("more than a million", "above"),
    ],
)
def test_what_qualifies_a_figure(text: str, qualifier: str) -> None:
    assert only(f"It had {text} then").qualifier == qualifier


@pytest.mark.parametrize(
    "text",
    [
        "Llama 4 Scout",
        "Llama 3.1 and Llama 3.3",
        "GPT-4o, Claude 3.5 Sonnet",
        "an H100 GPU",
        "Windows 11",
        "version 3.2",
        "v2.1",
        "Section 2",
        "29 April 2025",
        "in 2025",
        "Q2 2024",
        "les 29 et 30 avril 2025",
        "2025-04-29",
        "from 5 to 7 April 2025",
        "one of them",
        "pour un modèle",
        "the first model",
    ],
)
def test_names_versions_and_dates_are_no_figures(text: str) -> None:
    assert find_figures(text) == []


def test_the_size_in_a_name_is_a_figure_its_version_is_not() -> None:
    assert values("Llama 3.1 has 405B parameters") == [405e9]
    assert values("the 8B model") == [8e9]
    assert values("Llama 3.1 405B") == [405e9]


def test_a_french_billion_is_a_thousand_milliards() -> None:
    assert values("1,5 billion de paramètres pour le modèle") == [1.5e12]
    assert values("1.5 billion parameters") == [1.5e9]
    assert find_figures("1,5 billion", lang="fr")[0].low == 1.5e12


def test_french_thousands_may_stand_apart_by_a_plain_space() -> None:
    assert values("11 390 tonnes de CO2 dans l'air") == [11390]
    assert values("Le total est de 1 234 567,8 euros") == [1234567.8]
    # In English they may be a date's end and a figure, or two figures.
    assert values("11 390 tonnes were emitted by the cluster") == [11, 390]


def test_prepositions_are_no_units() -> None:
    assert [figure.unit for figure in find_figures("up 5 to 7, pour aller de 5 to")] == ["", ""]
    assert only("2 To de données sur le disque").unit == "terabyte"


def test_what_stands_in_a_source() -> None:
    source = only("$64 billion")
    assert only("64 billion").stands_in(source)
    assert only("USD 64 billion").stands_in(source)
    for other in ("64 billion euros", "65 billion", "more than $64 billion", "64 million", "$64"):
        assert not only(other).stands_in(source)
    assert not only("16").stands_in(only("16%"))
    assert not only("$64–72 billion").stands_in(source)


def test_spans_hold_the_figure_as_written() -> None:
    text = "Scout active 17 milliards de paramètres sur 109 milliards ; coût : 5,5 M$ et 20-30 %."
    assert [text[f.start : f.end] for f in find_figures(text)][:2] == [
        "17 milliards",
        "109 milliards",
    ]
    assert text[find_figures(text)[-1].start :].startswith("20-30")


def thousands(number: int, separator: str) -> str:
    return f"{number:,}".replace(",", separator)


@given(st.integers(1, 999_999_999), st.data())
def test_a_whole_number_comes_back_from_every_notation(number: int, data: st.DataObject) -> None:
    # Years are dates.
    number += 3000 if 1900 <= number <= 2039 else 0
    separator = data.draw(st.sampled_from(["", ",", NARROW, NO_BREAK]))
    before, after, unit = data.draw(
        st.sampled_from(
            [("", "", ""), ("$", "", "dollar"), ("USD ", "", "dollar"), ("", " euros", "euro"),
             ("", "%", "percent"), ("", f"{NO_BREAK}%", "percent"), ("", " pour cent", "percent"),
             ("€", "", "euro"), ("", " points", "points"), ("", " GB", "gigabyte")]
        )
    )  # fmt: skip
    text = f"there were {before}{thousands(number, separator)}{after} in all"
    assert (only(text).low, only(text).unit) == (number, unit)
    assert text[only(text).start : only(text).end].startswith(before or str(number)[0])


@given(
    st.decimals(min_value="0.01", max_value="999", places=2, allow_nan=False),
    st.sampled_from([(1e3, "thousand", "mille"), (1e6, "million", "millions"),
                     (1e9, "billion", "milliards"), (1e12, "trillion", "mille milliards")]),
)  # fmt: skip
def test_a_scaled_number_is_the_same_in_both_languages(
    number: object, scale: tuple[float, str, str]
) -> None:
    factor, english, french = scale
    in_english = only(f"it holds {number} {english} of them")
    in_french = only(f"il y en a {str(number).replace('.', ',')} {french} dans le lot")
    assert in_english.low == pytest.approx(float(str(number)) * factor)
    assert in_english.same_value(in_french)


@given(st.text(alphabet="0123456789.,-–% $€MBkGo àetobilnmrd\u00a0\u202fLlama", max_size=60))
def test_no_text_raises_and_spans_are_in_order(text: str) -> None:
    end = 0
    for figure in find_figures(text):
        assert end <= figure.start < figure.end <= len(text)
        assert figure.low <= figure.high
        end = figure.end


def test_no_figure_of_the_corpus_is_a_year_or_overlaps_another() -> None:
    this_year = date(2026, 11, 22).year
    for text, lang in sentences():
        figures = find_figures(text, lang=lang)
        assert all(a.end <= b.start for a, b in pairwise(figures)), text
        for figure in figures:
            written = text[figure.start : figure.end]
            assert not (written.isdigit() and 2000 <= int(written) <= this_year), text
