"""What supports what: figures, dates and names of a sentence against the sentences it cites.

A sentence is supported when each of its figures, dates and names stands in one of the source
sentences, none has changed places with another, each figure counts the same thing, negation and
direction agree, and enough of its remaining words are the source's. Deterministic, no model.
Knows nothing of retrieval or prompts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from chatbot.dates import MONTHS, DateSpan, find_dates
from chatbot.figures import Figure, find_figures
from chatbot.language import ALL_STOP_WORDS, content_words, fold, stem, words
from chatbot.lexicon import translations

MIN_CONTENT = 0.8
"""Share of a drafted sentence's content words that its sources must hold. At 0.7 a draft passed
that said of a model only "est une fois une fois, ce qui est une fois une fois"."""

_CAPITALISED = r"[A-ZÀ-ÞŒ](?:[\w&-]|[’'](?!s\b)(?=\w))*(?:\.\d+)*"
_VERSION = r"\d+(?:\.\d+)?[A-Za-z]?\b(?![.,]\d|[ \u00a0]?%)"
_LINK = r"(?:of|de|du|des|v\.)(?=[ \u00a0][A-ZÀ-ÞŒ])"
_VERSION = r"\d+(?:\.\d+)?[A-Za-z]?\b(?![.,]\d|[ \u00a0]?%)"
_LINK = r"(?:of|de|du|des|v\.)(?=[ \u00a0][A-ZÀ-ÞŒ])"
_NAME = re.compile(rf"(?<!\w){_CAPITALISED}(?:[ \u00a0](?:{_CAPITALISED}|{_VERSION}|{_LINK}))*")
_TOKEN = re.compile(r"[^\W_]+(?:[.,]\d+)*")
_MARK = re.compile(r"\[\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\]")
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|neither|nor|without|cannot|nobody|nothing|denied|refus\w+|fail\w*|"
    r"ne|n'|pas|aucune?s?|jamais|sans|ni|rien)\b|n't\b"
)
_CALENDAR = frozenset(
    fold(word)
    for word in [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
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
        "lundi",
        "mardi",
        "mercredi",
        "jeudi",
        "vendredi",
        "samedi",
        "dimanche",
    ]
)


_NO_NAMES = ALL_STOP_WORDS | {"combien"}
_OPENERS = frozenset(
    "yes no however according overall therefore thus additionally moreover furthermore finally "
    "meanwhile instead today currently recently nowadays including compared oui non selon "
    "toutefois cependant ainsi donc enfin actuellement aujourd recemment".split()
)
_VERBS = frozenset({"march", "may"})
_SIZED = frozenset({"model", "models", "modele", "modeles", "version", "versions", "variant"})
_COUNTED = re.compile(r"[ \u00a0\u202f-](?:(?:of|de)[ \u00a0]|d['’])?([^\W\d_]{3,})")
_MEASURES = {
    word: kind
    for kind, forms in {
        "second": "second seconds seconde secondes 2nd deuxieme",
        "minute": "minute minutes",
        "hour": "hour hours hourly heure heures",
        "day": "day days daily jour jours quotidien quotidienne quotidiens quotidiennes",
        "week": "week weeks weekly semaine semaines hebdomadaire hebdomadaires",
        "month": "month months monthly mois mensuel mensuelle mensuels mensuelles",
        "quarter": "quarter quarters quarterly quart quarts trimestre trimestres trimestriel",
        "year": "year years yearly annual annually ans annee annees annuel annuelle annuels "
                "annuelles",
        "decade": "decade decades decennie decennies",
        "first": "first premier premiere premiers premieres",
        "third": "third thirds troisieme tiers",
        "fourth": "fourth quatrieme",
        "fifth": "fifth cinquieme",
        "last": "last dernier derniere derniers dernieres",
        "half": "half halves moitie demi semestre",
        "double": "double doubled doubles doubling twice",
        "triple": "triple tripled triples tripling",
        "dozens": "dozens dizaines tens",
        "hundreds": "hundreds centaines",
        "thousands": "thousand thousands mille milliers",
        "million": "million millions",
        "billion": "billion billions milliard milliards",
        "trillion": "trillion trillions",
        "weekday 1": "monday lundi", "weekday 2": "tuesday mardi",
        "weekday 3": "wednesday mercredi", "weekday 4": "thursday jeudi",
        "weekday 5": "friday vendredi", "weekday 6": "saturday samedi",
        "weekday 7": "sunday dimanche",
    }.items()
    for word in forms.split()
}  # fmt: skip
_OPPOSITES = tuple(
    (re.compile(rf"\b(?:{one})\b"), re.compile(rf"\b(?:{other})\b"))
    for one, other in (
        (
            r"rose|risen|ris(?:e|es|ing)|rais\w+|increas\w+|gr[eo]w\w*|gain\w*|climb\w*|"
            r"augment\w+|hausse|progress\w+|relev\w+",
            r"fell|fall(?:s|en|ing)?|drop\w*|decreas\w+|declin\w+|reduc\w+|shr[aiu]nk\w*|"
            r"baiss\w+|diminu\w+|recul\w*|redui\w+",
        ),
        (r"more|higher|larger|bigger|plus", r"less|fewer|lower|smaller|moins"),
        (r"before|avant|earlier", r"after|apres|later|since|depuis"),
        (r"open|opens|opened|ouvert\w*", r"clos\w+|ferme\w*|proprietary|proprietaire\w*"),
        (r"includ\w+|inclu\w*", r"exclud\w+|exclu\w*"),
        (r"allow\w*|permit\w*|permet\w*|autoris\w+", r"forb\w+|prohibit\w*|ban\w*|interdi\w+"),
        (r"win|wins|won|gagn\w+", r"los[et]\w*|lost|perd\w*"),
        (r"free|gratuit\w*", r"paid|payant\w*"),
        (r"b[uo]\w*ght|buy\w*|acqui\w+|achet\w+", r"sold|sell\w*|vend\w*"),
        (r"accept\w*", r"reject\w*|refus\w*|rejet\w*"),
        (r"join\w*|rejoin\w*", r"left|leav\w+|quitt\w*"),
        (r"largest|biggest|highest|best", r"smallest|lowest|worst"),
        (r"minimum|least", r"maximum|most"),
        (r"above|over", r"below|under"),
        (r"public\w*", r"privat\w+|prive\w*"),
        (r"start\w*|beg[aiu]n\w*|debut\w*|commenc\w*", r"end|ends|ended|stopp?\w*|fini\w*"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A capitalised name as folded words: "Mark Zuckerberg" → ("mark", "zuckerberg")."""

    parts: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """What a check found."""

    supported: bool
    reason: str
    """Empty when supported; else what is missing, in words a user can read."""
    content: float
    """Share of the content words that the sources hold, 0…1."""


def find_names(text: str) -> list[Name]:
    """Capitalised names, versions included ("Llama 3.1"); common words that open a sentence not."""
    names = []
    undated = text
    for span in find_dates(text):
        undated = undated[: span.start] + "_" * (span.end - span.start) + undated[span.end :]
    for match in _NAME.finditer(undated):
        tokens = list(_TOKEN.finditer(undated, *match.span()))
        parts = [fold(token[0]) for token in tokens]
        start = match.start()
        opens = not text[:start].strip(" «“\"'(-") or text[:start].rstrip(" «“\"'(")[-1:] in ".!?:"
        while parts and (parts[0] in _NO_NAMES or parts[0] in _CALENDAR):
            parts, tokens, opens = parts[1:], tokens[1:], False
        while parts and (parts[-1] in _NO_NAMES or parts[-1] in _CALENDAR):
            parts, tokens = parts[:-1], tokens[:-1]
        if not parts or (opens and len(parts) == 1 and match[0][1:].islower()):
            continue
        if all(part.isdigit() for part in parts):
            continue
        names.append(Name(parts=tuple(parts), start=tokens[0].start(), end=tokens[-1].end()))
    return names


def unsupported_items(sentence: str, sources: Sequence[str], *, context: str = "") -> list[str]:
    """Figures, dates and names of a sentence that none of the source sentences holds, verbatim.

    Args:
        sentence: what is claimed.
        sources: the cited source sentences.
        context: text around them, for full names ("Mark Zuckerberg") that a source shortens.
    """
    sentence = _without_marks(sentence, sources)
    figures = [figure for source in sources for figure in find_figures(source)]
    held = [words(source) for source in sources]
    named = [tuple(name.parts for name in find_names(source)) for source in sources]
    around = words(context)
    dates, missing_dates = _dates(sentence, sources)
    missing, read = [], [(span.start, span.end) for span in dates]
    for figure in find_figures(sentence):
        if not _overlaps(figure, read):
            read.append((figure.start, figure.end))
            if not any(figure.stands_in(other) for other in figures):
                missing.append(sentence[figure.start : figure.end])
    missing += [sentence[span.start : span.end] for span in missing_dates]
    for name in find_names(sentence):
        read.append((name.start, name.end))
        if not any(
            _name_stands_in(name.parts, source, names, around)
            for source, names in zip(held, named, strict=True)
        ):
            missing.append(sentence[name.start : name.end])
    roots = {_root(word) for source in held for word in source}
    for token in _TOKEN.finditer(sentence):
        if any(start < token.end() and token.start() < end for start, end in read):
            continue
        word = fold(token[0])
        if any(character.isdigit() for character in word):
            # The 3.2 of "version 3.2" is no figure and no name, but not to be changed either.
            if not any(word in source for source in held):
                missing.append(token[0])
        elif token[0][0].isupper() and _may_be_name(word) and _root(word) not in roots:
            missing.append(token[0])
    return missing


def check(sentence: str, sources: Sequence[str], *, context: str = "") -> Support:
    """Whether a drafted sentence says only what the source sentences say.

    Args:
        sentence: the draft; citation marks in it must name one of the sources, [1] the first.
        sources: source sentences, verbatim.
        context: text around them, for full names that a source shortens.
    """
    invented = [
        mark
        for mark in _MARK.findall(sentence)
        if not any(mark in source for source in sources)
        and not all(1 <= int(number) <= len(sources) for number in re.findall(r"\d+", mark))
    ]
    sentence = _without_marks(sentence, sources)
    figures = find_figures(sentence)
    content = _content(sentence, sources, [(figure.start, figure.end) for figure in figures])

    def refused(reason: str) -> Support:
        return Support(supported=False, reason=reason, content=content)

    if invented:
        return refused(f"no such source: {', '.join(invented)}")
    missing = unsupported_items(sentence, sources, context=context)
    if missing:
        return refused(f"not in the cited text: {', '.join(missing)}")
    if not content_words(sentence) and sentence not in sources:
        return refused("it says nothing")
    if _repeated(sentence) - {run for source in sources for run in _repeated(source)}:
        return refused("it repeats itself")
    closest = max(sources, key=lambda source: content_overlap(sentence, [source]), default="")
    if _negation_differs(sentence, closest):
        return refused("negation differs")
    if _order_differs(sentence, closest) or _places_differ(sentence, closest):
        return refused("figures or names have changed places")
    other = _measure_differs(sentence, sources) or _direction_differs(sentence, closest)
    if other:
        return refused(f"not what the cited text counts or says: {other}")
    if content < MIN_CONTENT:
        return refused(f"only {content:.0%} of its words are the source's")
    return Support(supported=True, reason="", content=content)


def content_overlap(sentence: str, sources: Sequence[str]) -> float:
    """Share of the sentence's content stems that stand in the sources; 1 for none."""
    return _content(sentence, sources, ())


def _content(sentence: str, sources: Sequence[str], checked: Sequence[tuple[int, int]]) -> float:
    """The same, without what stands in spans that are checked by value: "1,2 milliard"."""
    held = {_root(word) for source in sources for word in words(source)}
    wanted = {_root(word) for word in content_words(sentence)}
    for start, end in checked:
        wanted -= {_root(word) for word in words(sentence[start:end])} - held
    return len(wanted & held) / len(wanted) if wanted else 1.0


def _repeated(sentence: str) -> set[tuple[str, ...]]:
    """Runs of four words that come twice: what a small model does that has lost the thread."""
    found = words(sentence)
    runs = [tuple(found[i : i + 4]) for i in range(len(found) - 3)]
    return {run for run in runs if runs.count(run) > 1}


def _without_marks(sentence: str, sources: Sequence[str]) -> str:
    """A sentence without its citation marks, except those that are the sources' own text."""

    def kept(match: re.Match[str]) -> str:
        return match[0] if any(match[0] in source for source in sources) else ""

    return _MARK.sub(kept, sentence).strip()


def _root(word: str) -> str:
    """One stem for both languages, so that a French draft meets a French source either way."""
    return stem(stem(word, "en"), "fr")


def _overlaps(item: Figure | Name | DateSpan, spans: Sequence[tuple[int, int]]) -> bool:
    return any(item.start < end and start < item.end for start, end in spans)


def _may_be_name(word: str) -> bool:
    """A capitalised word that opens a sentence may be a name unless a dictionary knows it."""
    common = word in ALL_STOP_WORDS or word in _CALENDAR or word in _OPENERS
    return not common and not translations(word)


def _dates(sentence: str, sources: Sequence[str]) -> tuple[list[DateSpan], list[DateSpan]]:
    """The dates of a sentence, and those of them that no source holds.

    A date without a year may stand for one of the same day in any year that the sources name.
    """
    found = find_dates(sentence)
    held = [span for source in sources for span in find_dates(source)]
    missing = [span for span in found if not any(span.contains(other) for other in held)]
    taken = [(span.start, span.end) for span in found]
    yearless: dict[tuple[int, int], DateSpan] = {}
    supported: set[tuple[int, int]] = set()
    for year in {span.last.year for span in held} | {2024}:
        reference = date(year, 12, 31)
        others = [span for s in sources for span in find_dates(s, reference=reference)]
        for span in find_dates(sentence, reference=reference):
            if not _overlaps(span, taken):
                yearless[span.start, span.end] = span
                if any(span.contains(other) for other in others):
                    supported.add((span.start, span.end))
    missing += [span for place, span in yearless.items() if place not in supported]
    return sorted([*found, *yearless.values()], key=lambda span: span.start), missing


def _negation_differs(sentence: str, source: str) -> bool:
    """One denies and the other does not, or a word is denied in only one of them."""
    if bool(_NEGATION.search(fold(sentence))) != bool(_NEGATION.search(fold(source))):
        return True
    denied, near, said = _denied(sentence)
    source_denied, source_near, source_said = _denied(source)
    flipped = (source_denied - source_said) & said - near
    return bool((denied & source_said) - source_near or flipped)


def _denied(text: str) -> tuple[set[str], set[str], set[str]]:
    """Roots of the words next to a negation, of those within two, and of all that are in none."""
    tokens = re.findall(r"\x01|[^\W_]+(?:[.,]\d+)*", _NEGATION.sub(" \x01 ", fold(text)))
    content = [token for token in tokens if token == "\x01" or token not in ALL_STOP_WORDS]
    nearest: set[str] = set()
    near: set[str] = set()
    places: set[int] = set()
    for index, token in enumerate(content):
        if token == "\x01":
            after = [i for i in range(index + 1, len(content)) if content[i] != "\x01"][:2]
            places |= set(after)
            nearest |= {_root(content[i]) for i in after[:1]}
            near |= {_root(content[i]) for i in after}
    said = {
        _root(token)
        for index, token in enumerate(content)
        if token != "\x01" and index not in places
    }
    return nearest, near, said


def _name_stands_in(
    name: tuple[str, ...],
    source: Sequence[str],
    names: Sequence[tuple[str, ...]],
    context: Sequence[str],
) -> bool:
    """A name is in the source as one run, or put together from whole names of it.

    "Meta CEO Mark Zuckerberg" may be said of "Mark Zuckerberg, Meta's CEO", but "Mark Cox" not of
    "Mark Zuckerberg and Chris Cox". A full name stands in a source that has only its last part, if
    the context holds the whole.
    """
    if len(name) == 1 or _runs_in(name, source):
        return _runs_in(name, source)
    if any(any(c.isdigit() for c in part) for part in name):
        return False
    if name[-1] in source and _runs_in(name, context):
        return True
    start = 0
    while start < len(name):
        end = next(
            (
                end
                for end in range(len(name), start, -1)
                if _stands_whole(name[start:end], source, names)
            ),
            None,
        )
        if end is None:
            return False
        start = end
    return True


def _stands_whole(
    piece: tuple[str, ...], source: Sequence[str], names: Sequence[tuple[str, ...]]
) -> bool:
    """A run of the source that is not only the front part of a longer name of it."""
    cut = sum(_count(piece, name[:-1]) for name in names)
    return _count(piece, source) > cut


def _count(piece: Sequence[str], sequence: Sequence[str]) -> int:
    length = len(piece)
    return sum(
        tuple(sequence[i : i + length]) == tuple(piece) for i in range(len(sequence) - length + 1)
    )


def _runs_in(parts: Sequence[str], sequence: Sequence[str]) -> bool:
    return _count(parts, sequence) > 0


def _order_differs(sentence: str, source: str) -> bool:
    """Two figures or dates, or one and a name, are tied otherwise than in the source.

    Only where the source has several of both can they be mixed up: then the figures must come
    in the source's order, and each must follow the name that it follows there.
    """
    return any(
        _is_mixed(_after_names(sentence, kind), _after_names(source, kind))
        for kind in ("figure", "date")
    )


def _is_mixed(drafted: list[tuple[str, str]], held: list[tuple[str, str]]) -> bool:
    if len({item for _, item in held}) < 2 or not drafted:
        return False
    order = [item for _, item in held]
    position = 0
    for _, item in drafted:
        if item in order:
            if item not in order[position:]:
                return True
            position = order.index(item, position)
    subjects: dict[str, set[str]] = {}
    for name, item in held:
        subjects.setdefault(item, set()).add(name)
    names = {name for name, _ in held}
    if len(names) < 2:
        return False
    return any(
        name in names and item in subjects and name not in subjects[item] for name, item in drafted
    )


def _after_names(text: str, kind: str) -> list[tuple[str, str]]:
    """(last name before it, item) of each figure or date, as comparable strings.

    A date at the front has no name before it and may move there from anywhere.
    """
    names = find_names(text)
    items = (
        [(figure.start, f"{figure.low}-{figure.high}") for figure in find_figures(text)]
        if kind == "figure"
        else [(span.start, f"{span.first}-{span.last}") for span in find_dates(text)]
    )
    pairs = []
    for start, item in items:
        before = [name for name in names if name.end <= start]
        if before or kind == "figure":
            pairs.append((" ".join(before[-1].parts) if before else "", item))
    return pairs


def _places_differ(sentence: str, source: str) -> bool:
    """An item stands between the very neighbours that another one has in the source.

    And has none of its own there: "Google sued Meta" of "Meta sued Google".
    """
    drafted, held = _sequence(sentence), _sequence(source)
    own: dict[str, list[tuple[str, str]]] = {}
    for kind, item, before, after in held:
        own.setdefault(kind + item, []).append((before, after))
    return any(
        kind + item in own
        and not any(before == b or after == a for b, a in own[kind + item])
        and any(kind == k and item != i and (before, after) == (b, a) for k, i, b, a in held)
        for kind, item, before, after in drafted
    )


def _sequence(text: str) -> list[tuple[str, str, str, str]]:
    """(kind, item, the word or item before it, the one after it) of figures, dates and names."""
    items: list[tuple[int, int, str, str]] = [
        (span.start, span.end, "date", f"{span.first}-{span.last}") for span in find_dates(text)
    ]
    items += [(f.start, f.end, "figure", f"{f.low}-{f.high}") for f in find_figures(text)]
    items += [(n.start, n.end, "name", " ".join(n.parts)) for n in find_names(text)]
    opening = _TOKEN.search(text)
    if opening and opening[0][0].isupper() and _may_be_name(fold(opening[0])):
        items.append((*opening.span(), "name", fold(opening[0])))
    items.sort(key=lambda item: (item[0], -item[1]))
    sequence: list[tuple[str, str]] = []
    end = 0
    for start, stop, kind, item in [*items, (len(text), len(text), "", "")]:
        if start >= end:
            sequence += [("word", word) for word in words(text[end:start])]
            if kind:
                sequence.append((kind, item))
            end = stop
    padded = [("", "^"), *sequence, ("", "$")]
    return [
        (kind, item, padded[i][1], padded[i + 2][1])
        for i, (kind, item) in enumerate(sequence)
        if kind != "word"
    ]


def _measure_differs(sentence: str, sources: Sequence[str]) -> str:
    """A word that says what a figure counts, or how often, and stands in no source; else ""."""
    dates, _ = _dates(sentence, sources)
    figures = find_figures(sentence)
    read = [(item.start, item.end) for item in (*dates, *figures)]
    held = {kind for source in sources for kind in _measures(source, ())}
    for span in (span for source in sources for span in find_dates(source)):
        if span.first.month == span.last.month:
            held.add(f"month {span.first.month}")
    for kind, word in _measures(sentence, read).items():
        if kind not in held:
            return word
    roots = {_root(word) for source in sources for word in words(source)}
    for figure in figures:
        counted = _COUNTED.match(sentence, figure.end)
        if counted is None or figure.unit or _overlaps(figure, [(d.start, d.end) for d in dates]):
            continue
        word = fold(counted[1])
        is_size = figure.low >= 1e6 and sentence[figure.end - 1] in "BM" and word in _SIZED
        if not is_size and _may_be_counted(word) and _root(word) not in roots:
            return counted[1]
    return ""


def _may_be_counted(word: str) -> bool:
    return word not in ALL_STOP_WORDS and word not in _CALENDAR and word not in _OPENERS


def _measures(text: str, read: Sequence[tuple[int, int]]) -> dict[str, str]:
    """Kind → word of the words of time, order, share and size outside some spans."""
    found: dict[str, str] = {}
    for token in _TOKEN.finditer(text):
        if any(start < token.end() and token.start() < end for start, end in read):
            continue
        word = fold(token[0])
        kind = _MEASURES.get(word)
        if word in _CALENDAR and word in MONTHS and (token[0][0].isupper() or word not in _VERBS):
            kind = f"month {MONTHS[word]}"
        if kind:
            found.setdefault(kind, token[0])
    return found


def _direction_differs(sentence: str, source: str) -> str:
    """A word whose opposite the source has, and not the word itself or its like; else ""."""
    drafted, held = fold(sentence), fold(source)
    for pair in _OPPOSITES:
        for one, other in (pair, pair[::-1]):
            found = one.search(drafted)
            if found and not one.search(held) and other.search(held):
                return found[0]
    return ""


__all__ = [
    "DateSpan",
    "Figure",
    "Name",
    "Support",
    "check",
    "content_overlap",
    "find_dates",
    "find_figures",
    "find_names",
    "unsupported_items",
]
