"""Pure checks for the articles in docs/: front matter, figures, dates and copied wording.

Nothing here reads a file. Every function takes text and returns findings, so that the tests can
run it on the real articles and, as a control, on planted faults.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

RUN = 8
_HIGH = "⁰¹²³⁴⁵⁶⁷⁸⁹"
KEYS = {"title", "lang", "published", "as_of", "sources"}
_MONTH_NAMES: dict[str, list[str]] = {
    "en": [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ],
    "fr": [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
}
_SHORT = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
MONTHS: dict[str, int] = {
    name: number
    for names in (*_MONTH_NAMES.values(), _SHORT)
    for number, name in enumerate(names, start=1)
}
_MONTH = "(" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\b"
_DAY = r"(?<![\d.,])(\d{1,2})(?:st|nd|rd|th|er)?"
_YEAR = r"((?:19|20)\d\d)\b"
_JOIN = r"\s*(?:-|–|/|,|\.\.|and|or|to|et|ou|à|au)\s*(?:the |le )?"
_FLAGS = re.IGNORECASE

SCALES: dict[str, dict[str, float]] = {
    "en": {"thousand": 1e3, "million": 1e6, "billion": 1e9, "bn": 1e9, "trillion": 1e12},
    "fr": {"mille": 1e3, "million": 1e6, "milliard": 1e9, "billion": 1e12},
}
_SUFFIX = {"K": 1e3, "k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_ONE = re.compile(r"\b(?:one|un) (?=(?:million|billion|milliard|trillion)\b)", _FLAGS)


@dataclass(frozen=True)
class Figure:
    """A figure as written; kinds: number, percent, size, name, day, month, year, daymonth."""

    kind: str
    value: Any
    shown: str


@dataclass
class Known:
    """The figures an article may hold."""

    numbers: set[float] = field(default_factory=set)
    percents: set[float] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    dates: set[tuple[int, ...]] = field(default_factory=set)

    def holds(self, figure: Figure) -> bool:
        if figure.kind in ("number", "size"):
            return any(abs(figure.value - n) <= 1e-9 * max(1.0, n) for n in self.numbers)
        if figure.kind == "percent":
            return figure.value in self.percents
        if figure.kind == "name":
            return figure.value in self.names
        if figure.kind == "daymonth":
            return any(d[1:] == figure.value for d in self.dates if len(d) == 3)
        return any(d[: len(figure.value)] == figure.value for d in self.dates)


def plain(text: str) -> str:
    """Spaces, dashes, superscripts and list marks in one form (no-break spaces are kept apart)."""
    text = text.replace("\u202f", "\u00a0").replace("−", "-").replace("’", "'")
    text = re.sub(r"[⁰¹²³⁴-⁹]+", lambda m: " " + "".join(str(_HIGH.index(c)) for c in m[0]), text)
    return re.sub(r"(?m)^\s*\d+\. ", "", text)


def _number(raw: str, lang: str) -> float:
    raw = raw.replace("\u00a0", "")
    return float(raw.replace(",", "." if lang == "fr" else ""))


def _take_dates(text: str) -> tuple[list[Figure], str]:
    """Dates found, and the text with the dates blanked out."""
    found: list[Figure] = []

    def add(kind: str, shown: str, *value: int) -> None:
        found.append(Figure(kind, value, shown))

    def iso(m: re.Match[str]) -> str:
        parts = [int(p) for p in m[1].split("-")]
        add(("year", "month", "day")[len(parts) - 1], m[0], *parts)
        if m[2]:
            both = (parts[0], int(m[2])) if len(parts) == 2 else (*parts[:2], int(m[2]))
            add("month" if len(parts) == 2 else "day", m[0], *both)
        return " ¤ "

    def days(m: re.Match[str]) -> str:
        for day in (m[1], m[2]):
            if day:
                add("day", m[0], int(m[4]), MONTHS[m[3].lower()], int(day))
        return " ¤ "

    def american(m: re.Match[str]) -> str:
        add("day", m[0], int(m[3]), MONTHS[m[1].lower()], int(m[2]))
        return " ¤ "

    def months(m: re.Match[str]) -> str:
        for month in (m[1], m[2]):
            if month:
                add("month", m[0], int(m[3]), MONTHS[month.lower()])
        return " ¤ "

    def day_month(m: re.Match[str]) -> str:
        for day in (m[1], m[2]):
            if day:
                add("daymonth", m[0], MONTHS[m[3].lower()], int(day))
        return " ¤ "

    def year(m: re.Match[str]) -> str:
        add("year", m[0], int(m[1]))
        return " ¤ "

    pair = rf"{_DAY}(?:{_JOIN}(\d{{1,2}}))?\s+{_MONTH}"
    for pattern, take in (
        (r"\b(20\d\d-[01]\d(?:-\d\d)?)(?:/(\d\d))?\b", iso),
        (rf"{pair},?\s+{_YEAR}", days),
        (rf"\b{_MONTH} (\d{{1,2}}),? {_YEAR}", american),
        (rf"{pair}", day_month),
        (rf"\b(?:{_MONTH}{_JOIN})?{_MONTH}\.?,?\s+{_YEAR}", months),
        (rf"(?<![\d.,\u00a0])(?:\bQ[1-4]\b ?)?{_YEAR}(?![.,\u00a0]?\d)(?:-Q[1-4])?", year),
        (r"\bQ[1-4]\b", lambda m: " ¤ "),
    ):
        text = re.sub(pattern, take, text, flags=_FLAGS)
    return found, text


def _take_numbers(text: str, lang: str, raw_too: bool) -> tuple[list[Figure], str]:
    """Numbers and percentages; `raw_too` also keeps 64 of "64 billion" (for the facts' side)."""
    found: list[Figure] = []
    num = (
        r"\d+(?:\u00a0\d{3})*(?:[.,]\d+)?"
        if lang == "fr"
        else r"\d+(?:[,\u00a0]\d{2,3})*(?:\.\d+)?"
    )
    words = "|".join(SCALES[lang])
    unit = (
        rf"(?:[\s-]?(?P<word>{words})s?\b|\s?(?P<suffix>[KkMBT])\b|\s?(?P<percent>%|per ?cent\b))"
    )
    join = r"\s?(?:-|–|/|to|and|or|against|à|et|ou|contre)\s?"
    pattern = re.compile(
        rf"(?<![\w.,])(?P<first>{num})(?:(?P<join>{join})(?:USD |\$)?(?P<last>{num}))?"
        rf"(?:(?:st|nd|rd|th|er|e|x)\b|{unit})?"
    )

    def take(m: re.Match[str]) -> str:
        scale = SCALES[lang].get(m["word"] or "", _SUFFIX.get(m["suffix"] or "", 1.0))
        kind = "percent" if m["percent"] else "number"
        for group in ("first", "last"):
            if not m[group]:
                continue
            value = _number(m[group], lang)
            # "86.0 and 8B" are two figures, "64-72B" and "64 and 72 billion" share their unit
            alone = m["last"] and group == "first" and m["suffix"] and m["join"].strip().isalpha()
            found.append(Figure(kind, value * (1.0 if alone else scale), m[0]))
            if raw_too:
                found.append(Figure("number", value, m[0]))
        return " "

    return found, pattern.sub(take, text)


def figures(text: str, lang: str, *, facts_side: bool = False) -> list[Figure]:
    """All figures of a text: dates first, then names with digits, then numbers."""
    found, rest = _take_dates(_ONE.sub("1 ", plain(text)))

    def name(m: re.Match[str]) -> str:
        value = re.sub(r"(?<=\d)s$", "", m[0].lower().replace("-", "").replace("\u00a0", " "))
        found.append(Figure("name", value, m[0]))
        return " "

    def llama(m: re.Match[str]) -> str:
        for number in re.findall(r"\d(?:\.\d)?", m[0]):
            found.append(Figure("name", f"llama {number}", m[0]))
            if facts_side:
                found.append(Figure("number", float(number), m[0]))
        return " "

    def size(m: re.Match[str]) -> str:
        found.append(Figure("size", float(m[1]) * 1e9, m[0]))
        return " "

    more = r"(?:(?:,|/| and| or| to| et| ou| à|, and|-) ?\d\.\d\b(?![.,]?\d))*"
    rest = re.sub(r"(?i)\b(llama)[-\u00a0](?=\d)", r"\1 ", rest)
    rest = re.sub(rf"(?i)\bllama \d(?:\.\d)?\b(?![.,]?\d){more}", llama, rest)
    rest = re.sub(r"\bv?\d+(?:\.\d+){2,}(?:rc\d+)?\b", name, rest)
    rest = re.sub(r"(?<![\w.,$-])(?<!USD )(\d+(?:\.\d+)?)B\b", size, rest)
    rest = re.sub(r"\b(\d+(?:\.\d+)?)-(?=[A-Za-z])", r"\1 ", rest)
    rest = re.sub(r"\b([a-z]{2,})-(?=\d)", r"\1 ", rest)
    rest = re.sub(r"(?<!\w)(?:USD|\$|€) ?(?=\d)", "", rest)
    rest = re.sub(r"\b[^\W\d_]+(?:-[^\W\d_]+)*-?\d+(?:\.\d+)?\w*(?:-\d+\w*)*", name, rest)
    numbers, _ = _take_numbers(rest, lang, raw_too=facts_side)
    return found + numbers


def known_figures(texts: Iterable[tuple[str, str]]) -> Known:
    """Figures of (text, lang) pairs, as the set an article may draw on.

    Within one text a bare number may take the unit of another ("8.47 billion, rounded to 8.5")
    and a day or month without a year the year of another date ("[2025] ... 30 Jul").
    """
    known = Known()
    for text, lang in texts:
        found = figures(text, lang, facts_side=True)
        units = {SCALES[lang][w] for w in SCALES[lang] if re.search(rf"\d\s?{w}", text)}
        units |= {_SUFFIX[s] for s in re.findall(r"\d ([MBT])\b", text)}
        years = {f.value[0] for f in found if f.kind in ("day", "month", "year")}
        bare = {
            MONTHS[w.lower()] for w in re.findall(r"\b[A-Z][a-z]+", text) if w.lower() in MONTHS
        }
        known.dates |= {(year, month) for year in years for month in bare}
        for figure in found:
            if figure.kind in ("number", "size"):
                known.numbers |= {figure.value, *(figure.value * u for u in units)}
            elif figure.kind == "percent":
                known.percents.add(figure.value)
            elif figure.kind == "name":
                known.names.add(figure.value)
            elif figure.kind == "daymonth":
                known.dates |= {(year, *figure.value) for year in years or {0}}
            else:
                known.dates.add(figure.value)
    return known


def sentences(body: str) -> list[str]:
    """Sentences and list items of a body; headings and tables' rules are kept as lines."""
    blocks = re.split(r"\n\s*\n|\n(?=\s*[-*|#])|\n(?=\d+\. )", body)
    out: list[str] = []
    for block in blocks:
        one_line = " ".join(block.split(" ")).replace("\n", " ").strip()
        out += [s for s in re.split(r"(?<=[.!?])[\"”*]?\s+(?=[^a-z])", one_line) if s]
    return out


def unknown_figures(
    body: str, lang: str, known: Known, names: Collection[str], allowed: Mapping[str, str]
) -> list[str]:
    """Figures of the body that no fact holds, each with its sentence."""
    faults = []
    for sentence in sentences(body):
        for figure in figures(sentence, lang):
            shown = figure.shown.strip()
            listed = figure.value in names if figure.kind == "name" else shown in names
            if known.holds(figure) or listed or shown in allowed:
                continue
            faults.append(f"figure {shown!r} ({figure.kind} {figure.value}) in: {sentence}")
    return faults


def later_dates(body: str, published: date, allowed: Mapping[str, str]) -> list[str]:
    """Days, months and years named in the body that lie after the day of publication."""
    limit = (published.year, published.month, published.day)
    faults = []
    for sentence in sentences(body):
        for figure in _take_dates(plain(sentence))[0]:
            if figure.kind == "daymonth" or figure.shown.strip() in allowed:
                continue
            if figure.value > limit[: len(figure.value)]:
                faults.append(f"date {figure.shown.strip()!r} after {published} in: {sentence}")
    return faults


def first_sentence(body: str) -> str:
    prose = [p for p in body.split("\n") if p.strip() and not p.startswith("#")]
    return sentences(prose[0])[0] if prose else ""


def names_day(sentence: str, day: date) -> bool:
    wanted = (day.year, day.month, day.day)
    return any(f.kind == "day" and f.value == wanted for f in _take_dates(plain(sentence))[0])


def front_matter_faults(meta: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Missing or wrong keys, against the title, lang and published of the plan."""
    faults = []
    if set(meta) != KEYS:
        faults.append(f"keys are {sorted(meta)}, should be {sorted(KEYS)}")
    for key in ("title", "lang", "published"):
        value = str(meta.get(key)).replace("\u00a0", " ")
        if value != expected[key]:
            faults.append(f"{key} is {value!r}, should be {expected[key]!r}")
    if meta.get("lang") not in ("en", "fr"):
        faults.append(f"lang is {meta.get('lang')!r}")
    days = {}
    for key in ("published", "as_of"):
        try:
            days[key] = date.fromisoformat(str(meta.get(key)))
        except ValueError:
            faults.append(f"{key} is no date: {meta.get(key)!r}")
    if len(days) == 2 and days["as_of"] > days["published"]:
        faults.append(f"as_of {days['as_of']} is after published {days['published']}")
    sources = meta.get("sources")
    if not (isinstance(sources, list) and 2 <= len(sources) <= 6):
        faults.append(f"sources should be a list of 2 to 6 names: {sources!r}")
    for source in sources if isinstance(sources, list) else []:
        if not isinstance(source, str) or not source.strip():
            faults.append(f"source is no name: {source!r}")
        elif re.search(r"://|www\.|article 0\d\d|\w\.(?:com|org|net|io|de|fr|ai)\b", source):
            faults.append(f"source is an address, not a name: {source!r}")
    return faults


def words(text: str) -> list[str]:
    """Case-folded words without punctuation; decimal marks inside numbers stay."""
    text = re.sub(r"['’]", "", text.casefold())
    return re.findall(r"\d+(?:[.,]\d+)+|[^\W_]+", text)


def word_count(body: str) -> int:
    """Words of the prose, headings left out."""
    prose = "\n".join(line for line in body.split("\n") if not line.startswith("#"))
    return sum(1 for w in prose.split() if re.search(r"\w", w))


def runs(text: str, length: int = RUN) -> set[str]:
    """Every run of `length` words; a run does not cross a heading, list item or paragraph."""
    found = set()
    for block in re.split(r"\n\s*\n|\n(?=\s*[-*|#])", text):
        w = words(block)
        found |= {" ".join(w[i : i + length]) for i in range(len(w) - length + 1)}
    return found


def shared_runs(texts: Mapping[str, str], allowed: Iterable[str]) -> list[str]:
    """Runs of eight words that two texts share, unless inside an allowed run of names."""
    permitted = [f" {' '.join(words(a))} " for a in allowed]
    all_runs = {name: runs(text) for name, text in texts.items()}
    faults = []
    names = sorted(all_runs)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            for run in sorted(all_runs[one] & all_runs[other]):
                if not any(f" {run} " in p for p in permitted):
                    faults.append(f"{one} and {other} share: {run!r}")
    return faults


def french_spacing(body: str) -> list[str]:
    """Places where French wants a no-break space and an ordinary one or none stands."""
    faults = []
    wrong = r"(?<=[\w»)])(?: [:;?!%»]|[;?!»%])|«(?!\u00a0)| »|[\"“”]|\d\.\d+[ \u00a0](?:mill|%)"
    for m in re.finditer(wrong, body):
        near = body[max(0, m.start() - 30) : m.end() + 20]
        faults.append(f"spacing or quotation mark {m[0]!r} in: …{near}…")
    return faults
