"""Follow-ups made standalone by rules: "And in 2026?" after a question about spending. Pure.

What a follow-up leaves out comes from the last question: its names, its quantity, its day. A
question that stands alone is a change of topic and carries nothing over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatbot.dates import find_dates
from chatbot.grounding import find_names
from chatbot.language import ALL_STOP_WORDS, content_words, fold, words
from chatbot.records import Turn

_OPENING = re.compile(
    r"^(?:and|but|or|so|also|ok(?:ay)?|then|what about|how about|and what about|same for|"
    r"et|mais|ou|alors|donc|(?:et )?qu'en est-il (?:de|du|des)|et pour)\b[\s,]*"
)
_PRONOUN = re.compile(
    r"\b(?:it|its|they|their|them|he|she|his|her|him|this|that|these|those|there|then|one|ones|"
    r"the (?:company|models?|licen[cs]e|tools?|case|deal|same|others?|latter|former|"
    r"first|second|smaller|bigger|larger|newer|older)|"
    r"il|elle|ils|elles|lui|leur|leurs|son|sa|ses|ce|cela|ca|celui-ci|celle-ci|y|en|"
    r"ce(?:tte|s)? (?:modele|modeles|licence|societe|entreprise|outil|affaire|chiffre))\b"
)
_MAX_ELLIPSIS = 4
"""A question of at most this many content words and no verb of its own counts as an ellipsis."""


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question as it would be asked without the conversation before it.

    Args:
        question: what was typed, normalised.
        history: the conversation so far, oldest first.
    """
    asked = [turn.content for turn in history if turn.role == "user"]
    if not asked:
        return question
    folded = fold(question)
    opening = _OPENING.match(folded)
    rest = question[opening.end() :] if opening else question
    own_names = _names(rest)
    own_words = [word for word in content_words(rest) if not word[0].isdigit()]
    refers = bool(_PRONOUN.search(fold(rest)))
    short = len(content_words(rest)) <= _MAX_ELLIPSIS
    # A question with a subject and a verb of its own has changed the topic.
    if not (refers or opening or (short and not own_names)):
        return question
    if refers and own_names and len(own_words) > _MAX_ELLIPSIS:
        return question
    previous = standalone(asked[-1], history[: _last_user(history)])
    if opening and short and not refers:
        return _replaced(previous, rest)
    carried = _names(previous) or _names(_last_answer(history))
    missing = [name for name in carried if fold(name) not in folded]
    topic = []
    if short:
        topic = [
            word
            for word in re.findall(r"[\w'’.-]+", previous)
            if len(word) > 3 and fold(word) not in ALL_STOP_WORDS and fold(word) not in folded
            and not any(fold(word) in fold(name) for name in missing)
        ][:6]  # fmt: skip
    extra = " ".join([*missing, *topic])
    return f"{question.rstrip()} ({extra})" if extra else question


def _replaced(previous: str, fragment: str) -> str:
    """The previous question with its date, version or name replaced by the fragment's."""
    body = fragment.strip().rstrip("?!. ").strip()
    old_dates, new_dates = find_dates(previous), find_dates(body)
    if old_dates and new_dates:
        span = old_dates[-1]
        new = body[new_dates[0].start : new_dates[0].end]
        return f"{previous[: span.start]}{new}{previous[span.end :]}"
    relative = _previous_year(previous, fold(body))
    if relative:
        return relative
    old_names, new_names = _names(previous), _names(body)
    if old_names and new_names and len(words(body)) <= 6:
        best = max(old_names, key=lambda name: len(set(words(name)) & set(words(new_names[0]))))
        position = previous.rfind(best)
        return f"{previous[:position]}{new_names[0]}{previous[position + len(best) :]}"
    return f"{previous.rstrip(' ?!.')} {body}?"


def _previous_year(previous: str, body: str) -> str | None:
    """The previous question with its year moved: what "And the year before?" asks."""
    step = 0
    if re.search(r"\b(year before|previous year|annee (?:d'avant|precedente)|an d'avant)\b", body):
        step = -1
    elif re.search(r"\b(year after|next year|following year|annee (?:d'apres|suivante))\b", body):
        step = 1
    years = list(re.finditer(r"\b(20[0-3]\d)\b", previous))
    if not step or not years:
        return None
    last = years[-1]
    return f"{previous[: last.start()]}{int(last[1]) + step}{previous[last.end() :]}"


def _names(text: str) -> list[str]:
    return [text[name.start : name.end] for name in find_names(text)]


def _last_answer(history: Sequence[Turn]) -> str:
    return next((turn.content for turn in reversed(history) if turn.role == "assistant"), "")


def _last_user(history: Sequence[Turn]) -> int:
    return max(i for i, turn in enumerate(history) if turn.role == "user")
