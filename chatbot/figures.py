"""Figures in text, in English and French: value, unit, scale, range and what qualifies them.

"1.2 billion", "1.2B", "1,2 milliard" and "1 200 millions" are one value; "$37–40 billion" is
a range; the 3.1 of "Llama 3.1" is a name's and no figure; years and days are dates and no
figures. Knows nothing of what a figure is about.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from chatbot.dates import MONTHS, find_dates
from chatbot.language import ALL_STOP_WORDS, detect, fold

Qualifier = Literal["exact", "above", "below", "about"]

_SCALES = {
    "k": 1e3, "thousand": 1e3, "thousands": 1e3, "mille": 1e3, "milliers": 1e3,
    "m": 1e6, "mn": 1e6, "million": 1e6, "millions": 1e6,
    "b": 1e9, "bn": 1e9, "billion": 1e9, "billions": 1e9,
    "md": 1e9, "mds": 1e9, "mrd": 1e9, "milliard": 1e9, "milliards": 1e9,
    "t": 1e12, "tn": 1e12, "trillion": 1e12, "trillions": 1e12,
    "mille milliards": 1e12,
}  # fmt: skip
_ATTACHED = {"k", "m", "b", "bn", "t", "md"}
_UNITS = {
    "%": "percent", "percent": "percent", "per cent": "percent", "pour cent": "percent",
    "pourcent": "percent", "percentage points": "points", "points": "points",
    "usd": "dollar", "$": "dollar", "us$": "dollar", "dollar": "dollar", "dollars": "dollar",
    "eur": "euro", "€": "euro", "euro": "euro", "euros": "euro",
    "kb": "kilobyte", "ko": "kilobyte", "mb": "megabyte", "mo": "megabyte",
    "gb": "gigabyte", "go": "gigabyte", "tb": "terabyte", "to": "terabyte",
    "mwh": "megawatt hour", "gwh": "gigawatt hour", "mw": "megawatt", "gw": "gigawatt",
    "ms": "millisecond",
}  # fmt: skip
_FRENCH_BYTES = {"ko", "mo", "go", "to"}
_UNDER_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen",
    "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze "
    "seize dix-sept dix-huit dix-neuf",
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"


def _spelled() -> dict[str, float]:
    """Folded words of both languages for 2…99, and what else is written out."""
    english, french = (words.split() for words in _UNDER_TWENTY)
    values = {word: float(n) for names in (english, french) for n, word in enumerate(names)}
    for ten, word in enumerate(_TENS.split(), start=2):
        values[word] = 10.0 * ten
        values |= {f"{word}-{unit}": 10.0 * ten + n for n, unit in enumerate(english[1:10], 1)}
    for base, word in ((20, "vingt"), (30, "trente"), (40, "quarante"), (50, "cinquante"),
                       (60, "soixante"), (80, "quatre-vingt")):  # fmt: skip
        values[word] = values[f"{word}s"] = float(base)
        for n, unit in enumerate(french[1 : 20 if base >= 60 else 10], 1):
            values[f"{word}-{unit}"] = values[f"{word} et {unit}"] = float(base + n)
    for word in ("zero", "one", "un", "vingts"):
        del values[word]  # "one" is a pronoun more often than a figure
    return values | {"half": 0.5, "moitie": 0.5, "dozen": 12.0, "douzaine": 12.0}


_WORDS = _spelled()
_MULTIPLIERS = {"hundred": 1e2, "cent": 1e2, "cents": 1e2, "dozen": 12.0} | {
    word: value for word, value in _SCALES.items() if len(word) > 3
}
_QUALIFIERS: tuple[tuple[Qualifier, str], ...] = (
    ("below", r"almost|nearly|close to|just under|under|less than|fewer than|below|up to|at most|"
              r"presque|pres de|moins de|jusqu'?a|au plus|a peine moins de"),
    ("above", r"more than|over|at least|above|in excess of|far exceeding|exceed(?:s|ed|ing)?|"
              r"passed|plus de|au moins|au-dela de|depass\w+"),
    ("about", r"about|around|roughly|approximately|approx\.?|some|circa|environ|autour de|"
              r"quelque|a peu pres|env\.?"),
)  # fmt: skip

_SPACE = "[ \u00a0\u202f\u2009]"
_NUMBER = (
    rf"\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?(?!\d)|"  # 1,234,567.8
    rf"\d{{1,3}}(?:[\u00a0\u202f\u2009]\d{{3}})+(?:,\d+)?(?!\d)|"  # 1 234 567,8
    rf"\d{{1,3}}(?:{_SPACE}000)+(?!\d)|"  # 16 000 with plain spaces
    rf"\d{{1,3}}(?: \d{{3}})+(?= (?:milli|dollar|euro))|"  # 1 200 millions
    rf"\d+(?:[.,]\d+)?"
)
_SCALE_WORDS = "|".join(sorted((re.escape(s) for s in _SCALES), key=len, reverse=True))
_UNIT_WORDS = "|".join(sorted((re.escape(u) for u in _UNITS), key=len, reverse=True))
_FIGURE = re.compile(
    rf"(?P<before>us\$|usd{_SPACE}?|eur{_SPACE}?|\$|€)?"
    rf"(?<![\w.])(?P<number>{_NUMBER})"
    rf"(?:(?P<attached>[kmbt]|bn|md)(?![\w])|"
    rf"(?:{_SPACE}|-(?=[a-z]{{7}}))?(?P<scale>{_SCALE_WORDS})\b)?"
    rf"(?P<plus>\+)?"
    rf"(?:{_SPACE}?(?:de{_SPACE}|d'|of{_SPACE})?(?P<unit>{_UNIT_WORDS})(?!\w))?"
)
_JOINER = re.compile(rf"^{_SPACE}*(?:-|–|—|to|a|and|et|or|ou)(?:{_SPACE}+|(?<=[-–—]))$")
_WORD = re.compile(r"(?<![\w-])(?:[a-z]+ et (?:une?|onze)|[a-z]+(?:-[a-z]+)*)(?![\w-])")
_MULTIPLIER = re.compile(
    rf"[ \u00a0-](?:a )?({'|'.join(sorted(_MULTIPLIERS, key=len, reverse=True))})(?!\w)"
)
_UNIT_AFTER = re.compile(
    rf"{_SPACE}(?:de{_SPACE}|d'|of{_SPACE})?"
    r"(percentage points|points|percent|per cent|pour cent|pourcent|dollars?|euros?)(?!\w)"
)
# Thousands that French sets apart with a plain space; in English they may be two figures.
_GROUPS = re.compile(r"(?<![\w.,])\d{1,3}(?: \d{3})+(?![\w.]|,\d{3})")
_NAME_BEFORE = re.compile(
    r"(?:\b[A-ZÀ-Þ][\w’'-]*|\bversions?|\bv|\bn°|\bNo\.|\barticles?|\bsections?)[ \u00a0-]$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Values low…high (equal unless a range) in a unit ("" when none is named)."""

    low: float
    high: float
    unit: str
    qualifier: Qualifier
    start: int
    end: int

    def same_value(self, other: Figure) -> bool:
        """Equal as numbers, whatever they are written like."""
        return _close(self.low, other.low) and _close(self.high, other.high)

    def stands_in(self, source: Figure) -> bool:
        """This figure says nothing that the source's does not: value, unit and qualifier.

        It may leave out a currency or a size, but a share without its percent is another value.
        """
        return (
            self.same_value(source)
            and (self.unit == source.unit or (not self.unit and source.unit != "percent"))
            and self.qualifier == source.qualifier
        )


def find_figures(text: str, *, lang: str | None = None) -> list[Figure]:
    """Figures of a text in order; dates, versions in names and list numbers are none.

    Args:
        text: English or French.
        lang: "fr" reads "billion" as 10^12; found from the text when not given.
    """
    folded = _fold_keeping_length(text)
    french = (lang or detect(text)) == "fr"
    if french:
        folded = _join_groups(folded, text)
    dates = [(span.start, span.end) for span in find_dates(text)]
    raw: list[Figure] = []
    for match in _FIGURE.finditer(folded):
        start, end = match.span()
        if any(first < end and start < last for first, last in dates):
            continue
        unit = _UNITS.get((match["before"] or "").strip() or match["unit"] or "", "")
        if match["unit"] in _FRENCH_BYTES and text[match.start("unit")].islower():
            end = match.end(
                "scale" if match["scale"] else "number"
            )  # "19.2 to 50.2" is no terabyte
            unit = ""
        number = _number(match["number"])
        scale_word = match["attached"] or match["scale"] or ""
        if not scale_word and not unit and _follows_name(text, match.start("number")):
            continue
        if match["attached"] and text[match.start("attached")] == "m" and not unit:
            continue  # "5 m" in lower case is a length
        scale = (
            1e12 if french and scale_word.startswith("billion") else _SCALES.get(scale_word, 1.0)
        )
        raw.append(
            Figure(
                low=number * scale,
                high=number * scale,
                unit=unit,
                qualifier="above" if match["plus"] else _qualifier(folded[:start]),
                start=start,
                end=end,
            )
        )
    figures = _join_ranges(raw, folded)
    figures += [
        figure
        for figure in _spelled_figures(folded, french)
        if not any(f.start < figure.end and figure.start < f.end for f in figures)
    ]
    return sorted(figures, key=lambda figure: figure.start)


def _spelled_figures(folded: str, french: bool) -> list[Figure]:
    """Figures in words: "five", "vingt-deux", "two hundred thousand", "a billion"."""
    found: list[Figure] = []
    for match in _WORD.finditer(folded):
        if found and match.start() < found[-1].end:
            continue
        start, end = match.span()
        word = match[0]
        if " " in word and word not in _WORDS:
            word, end = word.split()[0], start + len(word.split()[0])
        value = _WORDS.get(word)
        multiplied = False
        while multiplier := _MULTIPLIER.match(folded, end):
            if value is None and (multiplied or word not in ("a", "one", "un", "une")):
                break
            is_long = french and multiplier[1].startswith("billion")
            value = (value or 1.0) * (1e12 if is_long else _MULTIPLIERS[multiplier[1]])
            multiplied, end = True, multiplier.end()
        if value is None:
            continue
        unit = _UNIT_AFTER.match(folded, end)
        found.append(
            Figure(
                low=value,
                high=value,
                unit=_UNITS[unit[1]] if unit else "",
                qualifier=_qualifier(folded[:start]),
                start=start,
                end=unit.end() if unit else end,
            )
        )
    return found


def _join_groups(folded: str, text: str) -> str:
    """The same text with unbreakable spaces inside its numbers: "11 390 tonnes"."""
    for match in _GROUPS.finditer(folded):
        if not _follows_name(text, match.start()):
            number = match[0].replace(" ", "\u00a0")
            folded = folded[: match.start()] + number + folded[match.end() :]
    return folded


def _follows_name(text: str, start: int) -> bool:
    """A number that is a name's: the 4 of "Llama 4", not the 300 of "Over 300" or a day."""
    match = _NAME_BEFORE.search(text[max(0, start - 80) : start])
    if match is None:
        return False
    word = fold(match[0].strip(" \u00a0-"))
    return word not in ALL_STOP_WORDS and word not in MONTHS


def _join_ranges(figures: list[Figure], folded: str) -> list[Figure]:
    """Two figures with a dash, "to" or "à" between are one range; the first borrows the scale."""
    joined: list[Figure] = []
    for figure in figures:
        previous = joined[-1] if joined else None
        between = folded[previous.end : figure.start] if previous else ""
        units = {previous.unit, figure.unit} - {""} if previous else set()
        is_joined = len(units) < 2 and bool(_JOINER.match(between))
        if previous and previous.low == previous.high and is_joined:
            word = between.strip()
            opening = folded[max(0, previous.start - 12) : previous.start]
            is_list = word in ("and", "et", "or", "ou") and not re.search(r"between|entre", opening)
            # "from 19.2 to 50.2" is a change, not a range, and both values count.
            is_change = word == "to" and re.search(r"\bfrom\s+(?:\w+\s+)?$", opening)
            if not is_list and not is_change:
                factor = 1.0
                if (previous.low < figure.low and not previous.unit and figure.low >= 1e3) or (
                    previous.unit and previous.low < 1e3 <= figure.low
                ):
                    factor = _scale_of(folded[figure.start : figure.end], figure.low)
                low = previous.low * factor
                if low <= figure.high:
                    joined[-1] = Figure(
                        low=low, high=figure.high, unit=figure.unit or previous.unit,
                        qualifier=previous.qualifier, start=previous.start, end=figure.end,
                    )  # fmt: skip
                    continue
        joined.append(figure)
    return joined


def _scale_of(words: str, value: float) -> float:
    """The scale that a written figure carries: 1e9 for "72 billion"."""
    match = re.search(rf"({_NUMBER})", words)
    plain = _number(match[1]) if match else value
    return value / plain if plain else 1.0


def _number(written: str) -> float:
    digits = re.sub("[ \u00a0\u202f\u2009]", "", written)
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits):
        return float(digits.replace(",", ""))
    return float(digits.replace(",", "."))


def _qualifier(before: str) -> Qualifier:
    tail = before[-28:]
    for kind, pattern in _QUALIFIERS:
        article = r"(?:the |les? |a |de |some )?(?:us\$|usd ?|\$|€)?"
        if re.search(rf"(?:^|[\s(])(?:{pattern})\s+{article}$", tail):
            return kind
    return "exact"


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1.0)


def _fold_keeping_length(text: str) -> str:
    folded = []
    for character in text:
        if character in "\u00a0\u202f\u2009":
            folded.append(character)
            continue
        plain = fold(character)
        folded.append(plain if len(plain) == 1 else character)
    return "".join(folded)
