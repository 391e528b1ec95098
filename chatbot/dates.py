"""Dates in text, in English and French: a day, a month, a part of a month, a quarter, a year.

A date is an interval of days (both ends included), so that "late April 2025" contains
29 April 2025 and "2025" contains both. Knows nothing of questions or documents.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from chatbot.language import fold

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan janvier janv",
            "february feb fevrier fevr",
            "march mar mars",
            "april apr avril avr",
            "may mai",
            "june jun juin",
            "july jul juillet juil",
            "august aug aout",
            "september sept sep septembre",
            "october oct octobre",
            "november nov novembre",
            "december dec decembre",
        ),
        start=1,
    )
    for name in names.split()
}
"""Folded names and short forms in both languages → 1…12."""
_MONTH = "(?P<month>" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\b\.?"
_YEAR = r"(?P<year>19\d\d|20[0-3]\d)(?![\d%]|[.,]\d)"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th|er)?"
_FIRST_DAY = r"(?P<from>[0-3]?\d)(?:st|nd|rd|th|er)?"
_UNTIL = r"(?:\s?[-–—]\s?|\s+(?:to|au)\s+)"
_AND = r"\s+(?:and|et|&)\s+(?:le\s+)?"
_PART = (
    r"(?P<part>early|mid|late|beginning of|start of|middle of|end of|"
    r"debut|mi|milieu|fin|au debut de|a la mi|au milieu de|a la fin de)"
)
_OF = r"(?:of\s+|de\s+|d['’])?"
_ORDINALS = {
    "first": 1, "premier": 1, "1st": 1, "1er": 1, "second": 2, "deuxieme": 2, "2nd": 2, "2e": 2,
    "third": 3, "troisieme": 3, "3rd": 3, "3e": 3, "fourth": 4, "quatrieme": 4, "4th": 4, "4e": 4,
}  # fmt: skip

_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        # 2025-04-29
        r"\b(?P<year>19\d\d|20[0-3]\d)-(?P<m>0[1-9]|1[0-2])-(?P<day>[0-3]\d)(?!\d)",
        # 29/04/2025 · 04/29/2025 · 29.04.2025; not 05/04/2025, which two customs read differently
        rf"(?<![\w/.])(?P<day>0?[1-9]|[12]\d|3[01])\.(?P<m>0?[1-9]|1[0-2])\.{_YEAR}(?!\w)",
        rf"(?<![\w/.])(?P<day>1[3-9]|2\d|3[01])/(?P<m>0?[1-9]|1[0-2])/{_YEAR}(?![\w/])",
        rf"(?<![\w/.])(?P<m>0?[1-9]|1[0-2])/(?P<day>1[3-9]|2\d|3[01])/{_YEAR}(?![\w/])",
        # 29–30 April 2025 · du 29 au 30 avril 2025 · April 29-30, 2025
        rf"\b{_FIRST_DAY}{_UNTIL}{_DAY}\s+(?:of\s+)?{_MONTH},?\s+{_YEAR}",
        rf"\b{_MONTH}\s+{_FIRST_DAY}(?:{_UNTIL}|{_AND}){_DAY},?\s+{_YEAR}",
        # the 29 of "29 and 30 April 2025"
        rf"\b{_DAY}(?={_AND}[0-3]?\d(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH},?\s+{_YEAR})",
        # 29 April 2025 · le 29 avril 2025 · 29th of April 2025
        rf"\b{_DAY}\s+(?:of\s+)?{_MONTH},?\s+{_YEAR}",
        # April 29, 2025
        rf"\b{_MONTH}\s+{_DAY},?\s+{_YEAR}",
        # Q2 2024 · T2 2024 · 2Q24 is not read
        rf"\b[qt](?P<quarter>[1-4])\s+(?:of\s+|de\s+)?{_YEAR}",
        # second quarter of 2024 · deuxième trimestre 2024
        rf"\b(?P<ordinal>{'|'.join(_ORDINALS)})[\s-](?:quarter|trimestre)\s+(?:of\s+|de\s+)?{_YEAR}",
        # first half of 2025 · H1 2025 · premier semestre 2025
        rf"\b(?:[hs](?P<half>[12])|(?P<nth>first|second|1st|2nd|premier|deuxieme|1er|2e)[\s-]"
        rf"(?:half|semestre))\s+{_OF}{_YEAR}",
        # mid-March 2025 · fin avril 2025 · late in April 2025
        rf"\b{_PART}[\s-]+(?:in\s+|de\s+|d['’])?{_MONTH},?\s+{_YEAR}",
        # early 2025 · fin 2025 · end of 2024
        rf"\b{_PART}[\s-]+(?:in\s+|de\s+)?{_YEAR}",
        # summer 2025 · automne 2025
        rf"\b(?P<season>spring|summer|autumn|fall|winter|printemps|ete|automne|hiver)\s+"
        rf"(?:of\s+|de\s+)?{_YEAR}",
        # April 2025
        rf"\b{_MONTH},?\s+(?:of\s+|de\s+)?{_YEAR}",
        # 29 April · April 29 (no year)
        rf"\b{_DAY}\s+(?:of\s+)?(?P<yearless>){_MONTH}(?!\w)",
        rf"\b(?P<yearless>){_MONTH}\s+{_DAY}(?![\d.,]*\d|\s*(?:%|million|billion|milliard))",
        # mid-March (no year)
        rf"\b{_PART}[\s-]+(?:in\s+|de\s+|d['’])?(?P<yearless>){_MONTH}",
        # in March · en mars (no year)
        rf"\b(?:in|since|by|until|before|after|during|last|en|depuis|avant|apres)\s+"
        rf"(?P<yearless>){_MONTH}(?!\s+\d)",
        # 2025
        rf"(?<![\w.,$€]){_YEAR}(?![\w-]*[^\W\d])",
    )
)
_SEASONS = {
    "spring": (3, 5), "printemps": (3, 5), "summer": (6, 8), "ete": (6, 8),
    "autumn": (9, 11), "fall": (9, 11), "automne": (9, 11), "winter": (12, 12), "hiver": (12, 12),
}  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class DateSpan:
    """Days first…last, both included, with where the words stand in the text."""

    first: date
    last: date
    start: int
    end: int

    def contains(self, other: DateSpan) -> bool:
        """Every day of `other` lies in this span: this one is the same date or a vaguer one."""
        return self.first <= other.first and other.last <= self.last

    def overlaps(self, other: DateSpan) -> bool:
        """The two share a day."""
        return self.first <= other.last and other.first <= self.last


def find_dates(text: str, *, reference: date | None = None) -> list[DateSpan]:
    """Dates named in a text, in order, without overlaps; the longest reading wins.

    Args:
        text: English or French.
        reference: day from which a date without a year is read (the latest such day not more
            than a month after it); None leaves dates without a year out.
    """
    folded = _fold_keeping_length(text)
    taken: list[DateSpan] = []
    for pattern in _PATTERNS:
        for match in pattern.finditer(folded):
            start, end = match.span()
            if any(start < span.end and span.start < end for span in taken):
                continue
            days = _days(match, reference)
            if days is not None:
                taken.append(DateSpan(*days, start, end))
    return sorted(taken, key=lambda span: span.start)


def parse_date(value: object) -> date | None:
    """A date from front matter or markup: dates, ISO stamps, written dates, epoch seconds or ms."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e14:
        if re.fullmatch(r"(?:19|20)\d{6}", str(value)):
            return parse_date(str(value))
        seconds = value / 1000 if value > 1e11 else value
        if 0 < seconds < 4e9 and seconds > 1e8:
            return datetime.fromtimestamp(seconds, tz=UTC).date()
        return None
    if isinstance(value, str):
        digits = value.strip()
        if re.fullmatch(r"(?:19|20)\d{6}", digits):
            value = f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"
        elif re.fullmatch(r"\d{9,14}", digits):
            return parse_date(int(digits))
        for span in find_dates(value):
            if span.first == span.last:
                return span.first
    return None


def _fold_keeping_length(text: str) -> str:
    """Fold character by character, so that offsets stay those of the text."""
    folded = []
    for character in text:
        plain = fold(character)
        folded.append(
            plain if len(plain) == 1 else " " if character.isspace() else plain[:1] or "_"
        )
    return "".join(folded)


def _days(match: re.Match[str], reference: date | None) -> tuple[date, date] | None:
    """First and last day that a match names, or None where the calendar has no such day."""
    groups = match.groupdict()
    month = int(groups["m"]) if groups.get("m") else MONTHS.get(groups.get("month") or "", 0)
    if "yearless" in groups:
        if reference is None:
            return None
        year = reference.year
        day = int(groups.get("day") or 1)
        try:
            if date(year, month, min(day, 28)) > reference + timedelta(days=31):
                year -= 1
        except ValueError:
            return None
    else:
        year = int(groups["year"])
    try:
        if groups.get("day"):
            last = date(year, month, int(groups["day"]))
            first = last.replace(day=int(groups["from"])) if groups.get("from") else last
            return (first, last) if first <= last else None
        if groups.get("quarter") or groups.get("ordinal"):
            quarter = int(groups.get("quarter") or _ORDINALS[groups["ordinal"] or ""])
            return date(year, 3 * quarter - 2, 1), _month_end(year, 3 * quarter)
        if groups.get("half") or groups.get("nth"):
            half = int(groups.get("half") or _ORDINALS[groups["nth"] or ""])
            return date(year, 6 * half - 5, 1), _month_end(year, 6 * half)
        if groups.get("season"):
            first_month, last_month = _SEASONS[groups["season"] or ""]
            return date(year, first_month, 1), _month_end(year, last_month)
    except ValueError:
        return None
    whole = (
        (date(year, month, 1), _month_end(year, month))
        if month
        else (date(year, 1, 1), date(year, 12, 31))
    )
    return _part_of(groups.get("part"), *whole)


def _month_end(year: int, month: int) -> date:
    return date(year, month, monthrange(year, month)[1])


def _part_of(part: str | None, first: date, last: date) -> tuple[date, date]:
    """Early, mid or late part of an interval: thirds of it, with ten days' play inside a month."""
    if not part:
        return first, last
    length = (last - first).days + 1
    third = timedelta(days=length // 3)
    if part in ("early", "beginning of", "start of", "debut", "au debut de"):
        return first, first + third
    if part in ("mid", "middle of", "mi", "milieu", "a la mi", "au milieu de"):
        return first + third - timedelta(days=1), last - third + timedelta(days=1)
    return last - third, last
