"""The corpus in docs/ says what its facts say: no stray figure, no later date, no copied wording.

`corpus_facts.json` holds, for each article, its planned title, language and day of publication
and the facts it was written from.
"""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import corpus_check as cc
import frontmatter
import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"
PLAN: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).resolve().parent / "corpus_facts.json").read_text(encoding="utf-8")
)
FILES = sorted(PLAN)

# Names with digits that are names everywhere, whatever an article's facts hold.
SIZES = ["1B", "3B", "7B", "8B", "11B", "13B", "33B", "34B", "65B", "70B", "90B", "405B"]
NAMES = "CO2, Llama 1, Llama 2, Llama 3, Llama 3.1, Llama 3.2, Llama 3.3, Llama 4"

# Figures that stand in an article though none of its own facts holds them: {file: {figure: why}}.
EXCEPTIONS: dict[str, dict[str, str]] = {
    "brief-2026-04-30-after-llama.md": {
        "29 April 2025": "day of the 1.2 billion figure, which the article's fact names undated",
    },
}

# Dates after the day of publication which the facts give as plans: {file: {date: why}}.
PLANNED: dict[str, dict[str, str]] = {
    "brief-2024-08-01-q2-results.md": {"2025": "Susan Li's outlook of 31 July 2024"},
    "brief-2025-02-19-llamacon-announced.md": {"29 April 2025": "the day set for LlamaCon"},
    "fr-investissements-ia-meta.md": {"2030": "planned finish of Hyperion"},
    "fr-llamacon-2025.md": {"30 mai 2025": "Joelle Pineau's last day, announced on 1 April 2025"},
    "llama-31-and-33.md": {"2025": "Mark Zuckerberg's forecast of 23 July 2024"},
    "who-uses-llama.md": {"8 August 2025": "deadline of an offer made on 16 July 2025"},
}

# Runs of names that two articles may share: {run: why}.
ALLOWED_RUNS: dict[str, str] = {}


@cache
def article(name: str) -> frontmatter.Post:
    return frontmatter.loads((DOCS / name).read_text(encoding="utf-8"))


def body(name: str) -> str:
    """The text below the `# Title` line."""
    return article(name).content.split("\n", 1)[1]


@cache
def general_names() -> frozenset[str]:
    """Model names and sizes of the titles and of all facts, as the checker writes them."""
    texts = [(fact["text"], "en") for plan in PLAN.values() for fact in plan["facts"]]
    texts += [(plan["title"], plan["lang"]) for plan in PLAN.values()]
    return frozenset(cc.known_figures([*texts, (NAMES, "en")]).names) | frozenset(SIZES)


def known(name: str) -> cc.Known:
    plan = PLAN[name]
    texts = [(fact["text"], "en") for fact in plan["facts"]]
    texts += [(plan["title"], plan["lang"]), (plan["published"], "en")]
    return cc.known_figures([*texts, (str(article(name)["as_of"]), "en")])


def unknown(name: str, text: str) -> list[str]:
    allowed = EXCEPTIONS.get(name, {})
    return cc.unknown_figures(text, PLAN[name]["lang"], known(name), general_names(), allowed)


def report(name: str, faults: list[str]) -> None:
    assert not faults, f"docs/{name}:\n  " + "\n  ".join(faults)


def test_all_articles_are_there() -> None:
    assert {p.name for p in DOCS.glob("*.md")} >= set(FILES)
    langs = [article(name)["lang"] for name in FILES]
    assert (langs.count("en"), langs.count("fr")) == (26, 5)


@pytest.mark.parametrize("name", FILES)
def test_front_matter(name: str) -> None:
    meta = article(name).metadata
    faults = cc.front_matter_faults(meta, PLAN[name])
    if name.startswith("brief-") and meta.get("as_of") != meta.get("published"):
        faults.append("a brief holds for its own day: as_of must equal published")
    if article(name).content.split("\n", 1)[0] != f"# {meta.get('title')}":
        faults.append("the first line is not the title")
    report(name, faults)


@pytest.mark.parametrize("name", FILES)
def test_length_and_first_sentence(name: str) -> None:
    count = cc.word_count(body(name))
    faults = [] if 250 <= count <= 600 else [f"{count} words, should be 250 to 600"]
    day = date.fromisoformat(PLAN[name]["published"])
    first = cc.first_sentence(body(name))
    if not cc.names_day(first, day):
        faults.append(f"the first sentence does not name {day}: {first}")
    report(name, faults)


@pytest.mark.parametrize("name", FILES)
def test_no_date_after_publication(name: str) -> None:
    day = date.fromisoformat(PLAN[name]["published"])
    report(name, cc.later_dates(body(name), day, PLANNED.get(name, {})))


@pytest.mark.parametrize("name", FILES)
def test_figures_come_from_the_facts(name: str) -> None:
    report(name, unknown(name, body(name)))


@pytest.mark.parametrize("name", [n for n in FILES if PLAN[n]["lang"] == "fr"])
def test_french_spacing(name: str) -> None:
    report(name, cc.french_spacing(body(name)))


def test_no_wording_shared_between_articles() -> None:
    titles = [plan["title"] for plan in PLAN.values()]
    faults = cc.shared_runs({name: body(name) for name in FILES}, [*titles, *ALLOWED_RUNS])
    assert not faults, "\n".join(faults)


def test_no_wording_copied_from_the_facts() -> None:
    faults = []
    for name in FILES:
        facts = "\n\n".join(fact["text"] for fact in PLAN[name]["facts"])
        faults += cc.shared_runs({name: body(name), "its facts": facts}, ALLOWED_RUNS)
    assert not faults, "\n".join(faults)


# Controls: each check must fail on a planted fault.

SOUND = "Meta counted 1.2 billion downloads on 29 April 2025."


def stray(text: str, fact: str, lang: str = "en", allowed: dict[str, str] | None = None) -> int:
    """How many figures of `text` the one fact does not hold."""
    known_here = cc.known_figures([(fact, "en")])
    return len(cc.unknown_figures(text, lang, known_here, general_names(), allowed or {}))


@pytest.mark.parametrize(
    ("text", "fact", "lang"),
    [
        (SOUND, "[2025-04-29] 1.2 billion downloads", "en"),
        ("1,2\u00a0milliard le 29 avril 2025", "[2025-04-29] 1.2B", "fr"),
        ("de 64 à 72\u00a0milliards de dollars", "USD 64-72 billion", "fr"),
        ("près de 2\u00a0000\u00a0milliards", "nearly 2 trillion", "fr"),
        ("a window of 128,000 tokens", "128K tokens", "en"),
        ("more than 15 trillion tokens", "15T+", "en"),
        ("une hausse de 33,4\u00a0%", "up 33.4 %", "fr"),
        ("Llama 3.1 405B on H100s; INT4 takes 203 GB", "405B: 810/405/203 GB, INT4, H100", "en"),
        ("in March 2025, at 32nd place", "[2025-02/03] ranked about 32nd", "en"),
        ("on 30 July 2025 and in October 2025", "[2025] 1 (30 Jul), 2 (October)", "en"),
        ("usually rounded to 8.5 billion", "USD 8.47 billion, rounded to 8.5", "en"),
        ("one billion users", "1 billion users", "en"),
    ],
)
def test_control_same_figure_in_another_form_passes(text: str, fact: str, lang: str) -> None:
    assert stray(text, fact, lang) == 0


@pytest.mark.parametrize(
    ("text", "fact", "lang"),
    [
        (SOUND.replace("1.2", "1.3"), "[2025-04-29] 1.2 billion downloads", "en"),
        (SOUND.replace("billion", "million"), "[2025-04-29] 1.2 billion downloads", "en"),
        (SOUND.replace("29", "28"), "[2025-04-29] 1.2 billion downloads", "en"),
        ("12\u00a0milliards le 29 avril 2025", "[2025-04-29] 1.2 billion", "fr"),
        ("de 64 à 75\u00a0milliards de dollars", "USD 64-72 billion", "fr"),
        ("a window of 182,000 tokens", "128K tokens", "en"),
        ("up 33%", "33 units", "en"),
        ("Llama 3.7 came out", "Llama 3.1", "en"),
        ("a model of 407B", "405B", "en"),
        ("trained on H200s", "trained on A100", "en"),
        ("three languages, then 3 more", "eight languages", "en"),
        ("in May 2025", "[2025-04-29] launch", "en"),
        ("back in 2021", "[2025-04-29] launch", "en"),
    ],
)
def test_control_planted_figure_is_found(text: str, fact: str, lang: str) -> None:
    assert stray(text, fact, lang) == 1


def test_control_message_and_exception() -> None:
    known_here = cc.known_figures([("1.2 billion", "en")])
    wrong = "Nothing here. Meta counted 1.3 billion downloads."
    faults = cc.unknown_figures(wrong, "en", known_here, set(), {})
    assert len(faults) == 1
    assert "1.3 billion" in faults[0]
    assert "Meta counted" in faults[0]
    assert not cc.unknown_figures(wrong, "en", known_here, set(), {"1.3 billion": "control"})


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (SOUND, 0),
        (SOUND.replace("29", "30"), 1),
        ("Il part le 2 mai 2025.", 1),
        ("It came in May 2025.", 1),
        ("It came in 2026.", 1),
        ("It came between April and June 2025.", 1),
    ],
)
def test_control_later_date_is_found(text: str, count: int) -> None:
    assert len(cc.later_dates(text, date(2025, 4, 29), {})) == count


def test_control_copied_run_is_found() -> None:
    run = "the weights may be copied and changed by"
    texts = {"a.md": f"In short, {run} anyone.", "b.md": f"Today {run.replace('and', 'and,')} all."}
    assert len(cc.shared_runs(texts, [])) == 1
    assert not cc.shared_runs(texts, [run])
    assert not cc.shared_runs({**texts, "b.md": run.replace("copied", "used")}, [])


def test_control_front_matter_faults(tmp_path: Path) -> None:
    good = (
        'title: "A: b"\nlang: en\npublished: "2025-04-30"\nas_of: "2025-04-29"\n'
        "sources:\n  - Axios\n  - Llama 4 model card\n"
    )
    plan = {"title": "A: b", "lang": "en", "published": "2025-04-30"}
    path = tmp_path / "a.md"

    def faults(text: str) -> list[str]:
        path.write_text(f"---\n{text}---\n\n# A: b\n", encoding="utf-8")
        return cc.front_matter_faults(frontmatter.load(str(path)).metadata, plan)

    assert faults(good) == []
    for old, new in (
        ("lang: en\n", ""),
        ("lang: en", "lang: de"),
        ('"A: b"', '"A: c"'),
        ("2025-04-29", "2025-05-01"),
        ("2025-04-29", "April"),
        ("Axios", "https://axios.com/llama"),
        ("  - Axios\n", ""),
    ):
        assert faults(good.replace(old, new)), f"{new!r} for {old!r} was not noticed"


def test_control_first_sentence_length_and_spacing() -> None:
    text = "\n## A\n\nAs of 29 April 2025, Llama 3.1 is old. On 30 April 2025 it rained.\n"
    first = cc.first_sentence(text)
    assert cc.names_day(first, date(2025, 4, 29))
    assert not cc.names_day(first, date(2025, 4, 30))
    assert cc.names_day("Publié le 1er mai 2025.", date(2025, 5, 1))
    assert cc.word_count(text) == 15
    assert not cc.french_spacing(
        "Voici\u00a0: «\u00a01,2\u00a0milliard\u00a0»\u00a0; soit 3\u00a0%."
    )
    for wrong in ("Voici : non", "«oui»", "3 %", "3%", '"oui"', "1.2\u00a0milliard", "Oui ?"):
        assert cc.french_spacing(wrong), f"{wrong!r} was not noticed"
