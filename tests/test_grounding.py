"""What supports what: every sentence supports itself, and no hostile change of it passes."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pure_cases import sentences

from chatbot.grounding import (
    MIN_CONTENT,
    check,
    content_overlap,
    find_dates,
    find_figures,
    find_names,
    unsupported_items,
)
from chatbot.language import fold

DOWNLOADS = "As of 29 April 2025, Llama had been downloaded 1.2 billion times."
SIZES = "Scout has 16 experts and 109 billion parameters, Maverick has 128 and 400 billion."


def supported(draft: str, *sources: str, context: str = "") -> bool:
    return check(draft, sources, context=context).supported


# ---- names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mark Zuckerberg leads Meta.", ["Mark Zuckerberg", "Meta"]),
        ("The Llama 3.1 405B model", ["Llama 3.1 405B"]),
        ("On Tuesday, Meta's OpenAI", ["Meta", "OpenAI"]),
        ("Combien Meta a-t-il investi ?", ["Meta"]),
        ("L’API Llama d’OpenAI", ["API Llama", "OpenAI"]),
        ("Capital spending was USD 13.69 billion.", []),
        ("It was USD 13.69B in Q2 2024", []),
        ("In 2025, developers came", []),
        ("The 405B of Meta", ["Meta"]),
        ("Kadrey v. Meta", ["Kadrey v. Meta"]),
    ],
)
def test_names_are_found_where_they_stand(text: str, expected: list[str]) -> None:
    assert [text[name.start : name.end] for name in find_names(text)] == expected


def test_names_of_the_corpus_stand_where_they_say() -> None:
    for text, _ in sentences():
        for name in find_names(text):
            written = text[name.start : name.end]
            assert written.strip() == written
            assert fold(written).startswith(name.parts[0])
            assert fold(written).endswith(name.parts[-1])


# ---- what must pass -------------------------------------------------------------------------


def test_every_sentence_of_the_corpus_supports_itself() -> None:
    refused = [(text, result.reason) for text, _ in sentences()
               if not (result := check(text, [text])).supported]  # fmt: skip
    assert refused == []
    assert len(sentences()) > 700


@pytest.mark.parametrize(
    ("draft", "source"),
    [
        ("Llama had been downloaded 1.2 billion times as of 29 April 2025.", DOWNLOADS),
        ("Llama had been downloaded 1,2 milliard times.", DOWNLOADS),
        ("Llama had been downloaded 1,200 million times in April 2025.", DOWNLOADS),
        ("As of 29 April 2025, Llama had been downloaded 1.2B times [1].", DOWNLOADS),
        ("By April 29, Llama had been downloaded 1.2 billion times.", DOWNLOADS),
        ("In 2025, Llama had been downloaded 1.2 billion times.", DOWNLOADS),
        ("Scout has 109 billion parameters.", SIZES),
        ("Maverick has 128.", SIZES),
        ("It has 40 pages.", "The report has forty pages."),
        ("Meta spent USD 64 billion.", "Meta spent $64 billion."),
        ("Meta spent 64 billion dollars.", "Meta spent $64 billion."),
        ("A billion downloads were counted.", "One billion downloads were counted."),
        ("Le budget est de 37 à 40 milliards.", "Le budget est de 37–40 milliards de dollars."),
        ("Meta CEO Mark Zuckerberg spoke.", "Mark Zuckerberg, CEO of Meta, spoke."),
        ("It costs $5, see [3].", "It costs $5, see [3]."),
        ("Sales rose in the second quarter of 2024.", "In Q2 2024 sales rose."),
    ],
)
def test_what_says_no_more_than_its_source(draft: str, source: str) -> None:
    assert supported(draft, source), check(draft, [source]).reason


def test_a_full_name_needs_the_context_of_a_short_one() -> None:
    source = "Zuckerberg expects that AI will write half of the code."
    draft = "Mark Zuckerberg expects that AI will write half of the code."
    assert not supported(draft, source)
    assert supported(draft, source, context="Mark Zuckerberg spoke at LlamaCon.")
    assert not supported(draft.replace("Mark", "Chris"), source, context="Mark Zuckerberg spoke.")


# ---- what must not --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draft", "source"),
    [
        # figures, units, qualifiers
        ("Llama had been downloaded 1.3 billion times.", DOWNLOADS),
        ("Llama had been downloaded 1.2 million times.", DOWNLOADS),
        ("Llama had been downloaded more than 1.2 billion times.", DOWNLOADS),
        ("Revenue rose 16 points.", "Revenue rose 16%."),
        ("Revenue rose 16.", "Revenue rose 16%."),
        ("It cost 64 billion euros.", "It cost $64 billion."),
        ("It was a million downloads.", "It was a billion downloads."),
        ("Millions of developers work with it.", "Thousands of developers work with it."),
        ("It had twenty-one experts.", "It had twenty experts."),
        ("Over 900 models were built.", "Over 300 models were built."),
        ("It runs version 3.3 of the tool.", "It runs version 3.2 of the tool."),
        ("A quarter of the users left it.", "A third of the users left it."),
        # what is counted, and how often
        ("The model saw 15 trillion parameters.", "The model saw 15 trillion tokens."),
        ("It has 700 million daily users.", "It has 700 million monthly users."),
        ("It was used by 1 billion people a day.", "It was used by 1 billion people a month."),
        ("It took 40 minutes to train.", "It took 40 hours to train."),
        ("Scout has 16 parameters.", SIZES),
        # dates
        ("As of 28 April 2025, Llama had been downloaded 1.2 billion times.", DOWNLOADS),
        ("On April 28, Llama had been downloaded 1.2 billion times.", DOWNLOADS),
        ("In May, Llama had been downloaded 1.2 billion times.", DOWNLOADS),
        ("It opened on April 31, 2025.", "It opened on April 30, 2025."),
        ("It opened on a Friday.", "It opened on a Tuesday."),
        ("It opened on 3 May 2025.", "It opened in May 2025."),
        ("It opened in late 2025.", "It opened in early 2025."),
        ("It opened after 3 May 2025.", "It opened before 3 May 2025."),
        # names
        ("Google raised its plan.", "Meta raised its plan."),
        ("He said: Google won the case in court.", "He said: Meta won the case in court."),
        ("Llama 3 supports eight languages.", "Llama 3.1 supports eight languages."),
        ("Mark Cox spoke on stage.", "Mark Zuckerberg and Chris Cox spoke on stage."),
        ("Google sued Meta.", "Meta sued Google."),
        # places
        ("Scout has 128 experts and 109 billion parameters.", SIZES),
        ("Maverick has 16 experts.", SIZES),
        ("Scout has 109 experts and 16 billion parameters.", SIZES),
        ("From 9 May 2025 to 2 May 2025 it ran.", "From 2 May 2025 to 9 May 2025 it ran."),
        # negation and direction
        ("Behemoth was released in 2025.", "Behemoth was not released in 2025."),
        ("Behemoth was not released in 2025.", "Behemoth was released in 2025."),
        ("It was released and not sold.", "It was not released and not sold."),
        ("Le modèle est disponible en Europe.", "Le modèle n’est pas disponible en Europe."),
        ("Revenue fell 16%.", "Revenue rose 16%."),
        ("Meta sold the company.", "Meta bought the company."),
        ("The licence allows it.", "The licence forbids it."),
        # nothing, too much, and marks
        ("It is so.", "The harbour is old."),
        ("", "The harbour is old."),
        ("The harbour is old and very pretty, with cafés and boats.", "The harbour is old."),
        ("As of 29 April 2025, Llama had been downloaded 1.2 billion times [2].", DOWNLOADS),
        ("As of 29 April 2025, Llama had been downloaded 1.2 billion times [1, 4].", DOWNLOADS),
    ],
)  # fmt: skip
def test_what_says_something_else(draft: str, source: str) -> None:
    result = check(draft, [source])
    assert not result.supported, draft
    assert result.reason


def test_nothing_is_supported_by_no_source() -> None:
    assert not supported("Llama is a model.")
    assert not supported("[1]")


def test_a_mark_may_name_any_of_the_sources() -> None:
    sources = [DOWNLOADS, SIZES]
    assert supported(f"{DOWNLOADS} [2]", *sources)
    assert not supported(f"{DOWNLOADS} [3]", *sources)


def test_what_is_missing_is_named() -> None:
    draft = "On 5 May 2025, Google counted 7 billion downloads of Llama 9."
    assert set(unsupported_items(draft, [DOWNLOADS])) == {
        "5 May 2025", "Google", "7 billion", "Llama 9",
    }  # fmt: skip
    assert unsupported_items(DOWNLOADS, [DOWNLOADS]) == []


def test_content_overlap_is_a_share_over_both_languages() -> None:
    assert content_overlap("the downloads of Llama", ["Llama was downloaded"]) == 1.0
    assert content_overlap("Llama sings", ["Llama was downloaded"]) == 0.5
    assert content_overlap("of the", ["anything"]) == 1.0
    assert 0 < MIN_CONTENT < 1


# ---- properties over the corpus -------------------------------------------------------------

Change = Callable[[str, str, random.Random], Iterator[str]]
NAMES = ("Google", "Oracle", "Nadella", "Mistral", "Apple", "OpenAI", "Sam Altman", "Qwen 2.5")


def put(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def number_changed(text: str, lang: str, rng: random.Random) -> Iterator[str]:
    for figure in find_figures(text, lang=lang):
        digits = re.compile(r"\d+").search(text, figure.start, figure.end)
        if digits:
            yield put(text, *digits.span(), str(int(digits[0]) + rng.choice((1, 2, 7, 10, 100))))


def scale_or_unit_changed(text: str, lang: str, rng: random.Random) -> Iterator[str]:
    pairs = [("million", "billion"), ("billion", "million"), ("milliards", "millions"),
             ("millions", "milliards"), ("GB", "MB"), ("Go", "Mo"), ("$", "€"), ("USD", "EUR"),
             ("dollars", "euros"), ("%", "GB")]  # fmt: skip
    for figure in find_figures(text, lang=lang):
        written = text[figure.start : figure.end]
        for old, new in pairs:
            if re.search(rf"(?<!\w){re.escape(old)}(?!\w)", written):
                yield put(text, figure.start, figure.end, written.replace(old, new, 1))


def counted_thing_changed(text: str, lang: str, rng: random.Random) -> Iterator[str]:
    things = ("elephants", "hectares") if lang == "en" else ("girafes", "hectares")
    for figure in find_figures(text, lang=lang):
        noun = re.compile(r"[ \u00a0]([a-zé]{4,})").match(text, figure.end)
        if noun and not figure.unit:
            yield put(text, *noun.span(1), rng.choice(things))


def date_moved(text: str, lang: str, rng: random.Random) -> Iterator[str]:
    for span in find_dates(text):
        for pattern, moved in (
            (r"\b(?:19|20)\d\d\b", lambda year: year + rng.choice((-1, 1))),
            (r"\b\d{1,2}\b", lambda day: day % 28 + 1),
        ):
            match = re.compile(pattern).search(text, span.start, span.end)
            if match:
                yield put(text, *match.span(), str(moved(int(match[0]))))


def name_replaced(text: str, lang: str, rng: random.Random) -> Iterator[str]:
    for name in find_names(text):
        new = rng.choice(NAMES)
        if fold(new) not in fold(text):
            yield put(text, name.start, name.end, new)
    opening = re.match(r"(?:Meta|Llama|Zuckerberg|LeCun|Scout|Maverick|Behemoth|Alibaba)\b", text)
    if opening:
        yield put(text, 0, opening.end(), "Nvidia" if "Nvidia" not in text else "Google")


def swapped(kind: str) -> Change:
    """Two items of one kind exchanged, unless they stand in one list, where order says nothing."""

    def swap(text: str, lang: str, rng: random.Random) -> Iterator[str]:
        found = {
            "figures": [(f.start, f.end, f"{f.low}-{f.high}-{f.unit}") for f in find_figures(text)],
            "dates": [(d.start, d.end, f"{d.first}-{d.last}") for d in find_dates(text)],
            "names": [(n.start, n.end, " ".join(n.parts)) for n in find_names(text)],
        }[kind]
        pairs = [(a, b) for i, a in enumerate(found) for b in found[i + 1 :]]
        for a, b in rng.sample(pairs, min(2, len(pairs))):
            between = re.findall(r"[^\W\d_]{4,}", text[a[1] : b[0]])
            akin = a[2] in b[2] or b[2] in a[2]
            is_list = kind == "names" and not [word for word in between if word.islower()]
            elided = text[a[0] - 1 : a[0]] in "’'-" or text[b[0] - 1 : b[0]] in "’'-"
            if not akin and not is_list and not (elided and a[0]):
                first, second = text[a[0] : a[1]], text[b[0] : b[1]]
                yield put(put(text, b[0], b[1], first), a[0], a[1], second)

    return swap


def negation_flipped(text: str, lang: str, rng: random.Random) -> Iterator[str]:
    if lang == "en":
        for verb in re.finditer(r"\b(?:is|was|are|were|has|have|had|will|can) (?!not|n)", text):
            yield put(text, verb.end(), verb.end(), "not ")
        for word in re.finditer(r"\b(?:not|never) ", text):
            yield put(text, *word.span(), "")
    else:
        for verb in re.finditer(r"(?<![’'])\b(est|sont|ont|était) ", text):
            yield put(text, *verb.span(), f"n’{verb[1]} pas ")
        for word in re.finditer(r"\bn[e’']\s?(\w+) (?:pas|jamais) ", text):
            yield put(text, *word.span(), f"{word[1]} ")


def citation_invented(text: str, lang: str, rng: random.Random) -> Iterator[str]:
    mark = rng.choice(("[2]", "[7]", "[0]", "[1, 3]", "[1][9]", "[12–14]"))
    yield f"{text} {mark}"
    yield f"{mark} {text}"


HOSTILE: dict[str, Change] = {
    "number changed": number_changed,
    "scale or unit changed": scale_or_unit_changed,
    "counted thing changed": counted_thing_changed,
    "date moved": date_moved,
    "name replaced": name_replaced,
    "figures swapped": swapped("figures"),
    "dates swapped": swapped("dates"),
    "names swapped": swapped("names"),
    "negation flipped": negation_flipped,
    "citation invented": citation_invented,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_hostile_draft_is_supported(kind: str) -> None:
    change = HOSTILE[kind]
    tried = 0
    passed: list[str] = []
    # Few sentences hold two dates: only those that the change can be made in are drawn from.
    open_to_it = [
        (text, lang)
        for text, lang in sentences()
        if any(draft != text for draft in change(text, lang, random.Random(0)))
    ]

    @settings(max_examples=110, deadline=None, derandomize=True, database=None)
    @given(st.sampled_from(open_to_it), st.integers(0, 2**32))
    def attack(sentence: tuple[str, str], seed: int) -> None:
        nonlocal tried
        text, lang = sentence
        for draft in change(text, lang, random.Random(seed)):
            if draft != text:
                tried += 1
                passed.extend([draft] if check(draft, [text]).supported else [])

    attack()
    assert passed == []
    assert tried >= 50


def test_no_hostile_draft_is_supported_by_its_neighbours_either() -> None:
    rng = random.Random(20261122)
    texts = [text for text, _ in sentences()]
    for index in range(0, len(texts) - 3, 15):
        text, lang = sentences()[index]
        for change in (number_changed, date_moved, citation_invented):
            for draft in change(text, lang, rng):
                near = [other for other in texts[index : index + 3] if other != draft]
                items = unsupported_items(draft, [text])
                # A neighbour may happen to hold the new number; then it must support all the rest.
                if items and not any(
                    set(items) != set(unsupported_items(draft, [o])) for o in near
                ):
                    assert not check(draft, near).supported, draft


def harmless(text: str) -> Iterator[str]:
    yield f"{text} [1]"
    yield text.rstrip(".")
    yield re.sub(r"(\d)\.(\d+) billion\b", r"\1,\2 milliard", text, count=1)
    yield re.sub(r"(\d) billion\b", r"\1B", text, count=1)
    yield re.sub(r"(\d) million\b", r"\1M", text, count=1)
    yield re.sub(r"\bUSD (\d)", r"$\1", text)
    cuts = [match.start() for match in re.finditer(r"[,;] ", text) if match.start() > len(text) / 2]
    if cuts:
        yield text[: cuts[-1]] + "."


def test_harmless_rewordings_stay_supported_mostly() -> None:
    tried, refused = 0, []
    for text, _ in sentences()[::6]:
        for draft in harmless(text):
            if draft != text:
                tried += 1
                if not check(draft, [text]).supported:
                    refused.append(draft)
    assert tried > 250
    assert len(refused) / tried < 0.05, refused


@given(st.text(max_size=80), st.lists(st.text(max_size=80), max_size=3))
@settings(max_examples=60, deadline=None)
def test_no_text_raises(draft: str, sources: list[str]) -> None:
    result = check(draft, sources)
    assert 0 <= result.content <= 1
    assert result.supported == (result.reason == "")
