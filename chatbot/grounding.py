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
from functools import lru_cache

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
_WEEKDAYS = (
    "monday lundi", "tuesday mardi", "wednesday mercredi", "thursday jeudi", "friday vendredi",
    "saturday samedi", "sunday dimanche",
)  # fmt: skip
# Without short forms: "Jan" and "Mar" begin names.
_CALENDAR = frozenset(" ".join(_WEEKDAYS).split()) | frozenset(
    month
    for month in MONTHS
    if len(month) > 4 or month in "may mai mars june juin july aout".split()
)
_NO_NAMES = ALL_STOP_WORDS | {"combien", "usd", "eur"}
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
        **{f"weekday {number}": forms for number, forms in enumerate(_WEEKDAYS, start=1)},
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
        while parts and (
            parts[0] in _NO_NAMES
            or parts[0] in _CALENDAR
            or parts[0][0].isdigit()
            or undated[tokens[0].start() - 1 : tokens[0].start()].isdigit()  # the B of "8.47B"
        ):
            parts, tokens, opens = parts[1:], tokens[1:], False
        while parts and (parts[-1] in _NO_NAMES or parts[-1] in _CALENDAR):
            parts, tokens = parts[:-1], tokens[:-1]
        if not parts or (opens and len(parts) == 1 and match[0][1:].islower()):
            continue
        names.append(Name(parts=tuple(parts), start=tokens[0].start(), end=tokens[-1].end()))
    return names


@lru_cache(maxsize=4096)
def _figures_of(text: str) -> tuple[Figure, ...]:
    return tuple(find_figures(text))


@lru_cache(maxsize=4096)
def _dates_of(text: str) -> tuple[DateSpan, ...]:
    return tuple(find_dates(text))


def unsupported_items(sentence: str, sources: Sequence[str], *, context: str = "") -> list[str]:
    """Figures, dates and names of a sentence that none of the source sentences holds, verbatim.

    Args:
        sentence: what is claimed.
        sources: the cited source sentences.
        context: text around them, for full names ("Mark Zuckerberg") that a source shortens.
    """
    sentence = _without_marks(sentence, sources)
    figures = [figure for source in sources for figure in _figures_of(source)]
    held = [words(source) for source in sources]
    named = [
        [piece for name in find_names(source) for piece in _unlinked(name.parts)]
        for source in sources
    ]
    around = words(context)
    dates, missing_dates = _dates(sentence, sources)
    missing, read = [], [(span.start, span.end) for span in dates]
    for figure in _figures_of(sentence):
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
        elif token[0][0].isupper() and _root(word) not in roots and _is_telling(word):
            # A common word may open the sentence, not stand capitalised behind a colon.
            opens = not sentence[: token.start()].strip(" «“\"'(")
            missing += [] if opens and translations(word) else [token[0]]
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
    checked: list[Figure | DateSpan] = [*_figures_of(sentence), *_dates_of(sentence)]
    content = _content(sentence, sources, [(item.start, item.end) for item in checked])

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


def _dates(sentence: str, sources: Sequence[str]) -> tuple[list[DateSpan], list[DateSpan]]:
    """The dates of a sentence, and those of them that no source holds.

    A date without a year may stand for one of the same day in any year that the sources name.
    """
    found = _dates_of(sentence)
    held = [span for source in sources for span in _dates_of(source)]
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
    """One denies and the other does not, or more than it, or a word is denied in only one."""
    count = len(_NEGATION.findall(fold(sentence)))
    source_count = len(_NEGATION.findall(fold(source)))
    if bool(count) != bool(source_count) or count > source_count:
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


def _unlinked(name: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The names that "of" and its like tie together: "CEO of Meta" → "CEO", "Meta"."""
    pieces: list[tuple[str, ...]] = [()]
    for part in name:
        if part in ("of", "de", "du", "des", "v"):
            pieces.append(())
        else:
            pieces[-1] += (part,)
    return [piece for piece in pieces if piece]


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
    names = _names_of(text)
    items = (
        [(figure.start, f"{figure.low}-{figure.high}") for figure in _figures_of(text)]
        if kind == "figure"
        else [(span.start, f"{span.first}-{span.last}") for span in _dates_of(text)]
    )
    pairs = []
    for start, item in items:
        before = [name for name in names if name.end <= start]
        if before or kind == "figure":
            pairs.append((" ".join(before[-1].parts) if before else "", item))
    return pairs


def _places_differ(sentence: str, source: str) -> bool:
    """An item stands where another one of its kind stands in the source, and not in its own place.

    Its place is the two words, or items, on either side: "Google sued Meta" of "Meta sued Google".
    """
    held = _sequence(source)
    return any(
        not any(item.is_at_home(other) for other in held)
        and any(
            item.kind == other.kind and not _are_alike(item, other) and item.around == other.around
            for other in held
        )
        for item in _sequence(sentence)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """A figure, date or name, and what stands around it: as it is, and with items masked."""

    kind: str
    value: tuple[str, ...]
    before: tuple[tuple[str, tuple[str, ...]], ...]
    after: tuple[tuple[str, tuple[str, ...]], ...]
    around: tuple[tuple[str, tuple[str, ...]], ...]

    def is_at_home(self, other: _Item) -> bool:
        """The same item with a side that tells: both, or one that is more than "of the"."""
        if (self.kind, self.value) != (other.kind, other.value):
            return False
        same = [(s, s == o) for s, o in ((self.before, other.before), (self.after, other.after))]
        tells = [
            any(kind or not set(value) <= ALL_STOP_WORDS for kind, value in side)
            for side, is_same in same
            if is_same
        ]
        return len(tells) == 2 or any(tells)


def _are_alike(item: _Item, other: _Item) -> bool:
    """The same, or the one less exact: "April 2025" of a day in it, "Zuckerberg" of his full name.

    Dates are compared as ISO strings.
    """
    if item.kind == "date":
        return item.value[0] <= other.value[0] and other.value[1] <= item.value[1]
    if item.kind == "name":
        return _runs_in(item.value, other.value) or _runs_in(other.value, item.value)
    return item.value == other.value


def _names_of(text: str) -> list[Name]:
    """The names of a text, with a word that opens it, which may be one."""
    opening = _TOKEN.search(text)
    names = find_names(text)
    if opening is None or not opening[0][0].isupper() or not _is_telling(fold(opening[0])):
        return names
    if names and names[0].start <= opening.start():
        return names
    parts = (fold(opening[0]),)
    return [Name(parts=parts, start=opening.start(), end=opening.end()), *names]


def _sequence(text: str) -> list[_Item]:
    """The figures, dates and names of a text in order; a word that opens it counts as a name."""
    spans: list[tuple[int, int, str, tuple[str, ...]]] = [
        (span.start, span.end, "date", (span.first.isoformat(), span.last.isoformat()))
        for span in _dates_of(text)
    ]
    spans += [(f.start, f.end, "figure", (f"{f.low}", f"{f.high}")) for f in _figures_of(text)]
    spans += [(name.start, name.end, "name", name.parts) for name in _names_of(text)]
    spans.sort(key=lambda span: (span[0], -span[1]))
    sequence: list[tuple[str, tuple[str, ...]]] = []
    reached = 0
    for start, end, kind, value in [*spans, (len(text), len(text), "", ())]:
        if start >= reached:
            sequence += [("", (word,)) for word in words(text[reached:start])]
            if kind:
                sequence.append((kind, value))
            reached = end
    edge = ("", ("",))
    padded = [edge, edge, *sequence, edge, edge]
    masked = [(kind, () if kind else value) for kind, value in padded]
    return [
        _Item(
            kind=kind,
            value=value,
            before=tuple(padded[i : i + 2]),
            after=tuple(padded[i + 3 : i + 5]),
            around=tuple(masked[i : i + 5]),
        )
        for i, (kind, value) in enumerate(sequence)
        if kind
    ]


def _measure_differs(sentence: str, sources: Sequence[str]) -> str:
    """A word that says what a figure counts, or how often, and stands in no source; else ""."""
    dates, _ = _dates(sentence, sources)
    figures = _figures_of(sentence)
    read = [(span.start, span.end) for span in dates]
    read += [(figure.start, figure.end) for figure in figures]
    held = {kind for source in sources for kind in _measures(source, ())}
    for span in (span for source in sources for span in _dates_of(source)):
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
        is_size = sentence[figure.end - 1] in "BM" and word in _SIZED
        if is_size or not _is_telling(word):
            continue
        if _root(word) not in roots or _counts_other(figure, word, sources):
            return counted[1]
    return ""


def _counts_other(figure: Figure, word: str, sources: Sequence[str]) -> bool:
    """Wherever a source gives the figure, a word follows at once, and the next are others too."""
    followed = [
        [_root(follower) for follower in words(source[other.end :])[:4]]
        for source in sources
        for other in _figures_of(source)
        if figure.same_value(other)
        if (next_word := _COUNTED.match(source, other.end)) and _is_telling(fold(next_word[1]))
    ]
    count = sum(figure.same_value(f) for source in sources for f in _figures_of(source))
    known = {follower for followers in followed for follower in followers}
    return bool(followed) and len(followed) == count and _root(word) not in known


def _is_telling(word: str) -> bool:
    """More than a stop word, a month, or "however"."""
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
