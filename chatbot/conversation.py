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
from chatbot.questions import carry
from chatbot.records import Turn

_OPENING = re.compile(
    r"^(?:and|but|or|so|also|ok(?:ay)?|then|what about|how about|and what about|same for|"
    r"et|mais|ou|alors|donc|(?:et )?qu'en est-il (?:de|du|des)|et pour)\b[\s,]*"
)
_PRONOUN = re.compile(
    r"\b(?:its|their|his|her|son|sa|ses|leurs?)\b"
    r"|\b(?:it|they|them|he|she|him|this|that|these|those|ones?|"
    r"the (?:company|models?|licen[cs]e|tools?|case|deal|same|others?|latter|former|"
    r"first|second|smaller|bigger|larger|newer|older)|"
    r"(?<!-)(?:il(?! y a)|elle|ils|elles)|lui|cela|ca|celui-ci|celle-ci|"
    r"ce(?:tte|s)? (?:modele|modeles|licence|societe|entreprise|outil|affaire|chiffre))\b"
    r"|(?<!is )(?<!are )(?<!was )(?<!were )\bthere\b(?! (?:is|are|was|were))|\bthen\b"
    # "en parle", not "en 2026" or "en Europe"; "y acceder", not "y a-t-il".
    r"|\ben(?= (?:a|ont|est|sont|dit|fait|pense|parle|existe)\b)|\by\b(?! a\b|-)"
    r"|(?<!-)\bce\b(?! qu)"
)
# One of several that were spoken of: "the first one", "the latter".
_AMONG = re.compile(r"\b(?:first|second|former|latter|others?|both|premiere?|seconde?|autres?)\b")
_INVERTED = re.compile(r"\b\w+-(?:t-)?(?:il|elle|ils|elles)\b")
_POSSESSIVE = re.compile(r"\b(?:its|their|his|her|son|sa|ses|leurs?)\b")
_ASKS = re.compile(
    r"(?:in |on |at |for |to |from |a |de |en |dans |pour )?(?:how|what|which|who|whom|whose|when|"
    r"where|why|is|are|was|were|does|do|did|has|have|had|can|could|will|would|combien|quel\w*|qui|"
    r"quand|ou|pourquoi|comment|quoi|est-ce)\b"
)
_VERSION = re.compile(r"\d+(?:\.\d+)?[bB]?")
_MAX_TURNS = 16
"""Messages that are looked back on: what a follow-up refers to was said lately."""
_MAX_ELLIPSIS = 4
"""A question of at most this many content words and no verb of its own counts as an ellipsis."""


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question as it would be asked without the conversation before it.

    Args:
        question: what was typed, normalised.
        history: the conversation so far, oldest first.
    """
    history = history[-_MAX_TURNS:]
    asked = [turn.content for turn in history if turn.role == "user"]
    if not asked:
        return question
    folded = fold(question)
    opening = _OPENING.match(folded)
    rest = question[opening.end() :] if opening else question
    own_names = _names(rest)
    own_words = [word for word in content_words(rest) if not word[0].isdigit()]
    refers = _refers(rest, own_names)
    short = len(content_words(rest)) <= _MAX_ELLIPSIS
    # A question with a subject and a verb of its own has changed the topic.
    if not (refers or opening or (short and not own_names)):
        return question
    if own_names and (len(own_words) > _MAX_ELLIPSIS if refers else not short):
        return question
    previous = standalone(asked[-1], history[: _last_user(history)])
    if opening and short and not refers:
        if not _ASKS.match(fold(rest)):
            return _replaced(previous, rest)
        if own_names:
            return question
    carried = _names(previous) or _names(_last_answer(history))
    if _AMONG.search(folded):
        carried = [name for turn in asked[-2:] for name in _names(turn)] + carried
    missing = [name for name in dict.fromkeys(carried) if fold(name) not in folded]
    topic = []
    if short:
        topic = [
            word
            for word in re.findall(r"[\w'’.-]+", previous)
            if len(word) > 3 and fold(word) not in ALL_STOP_WORDS and fold(word) not in folded
            and not any(fold(word) in fold(name) for name in missing)
        ][:6]  # fmt: skip
    extra = " ".join([*missing, *topic])
    return carry(question, extra)


def _refers(rest: str, own_names: Sequence[str]) -> bool:
    """A pronoun that means something said before, not a word of the question itself.

    With a name of its own before it, the "its" of "When did Meta release its first model?" is that
    name's, as is the "il" of "Combien Meta a-t-il investi ?".
    """
    folded = fold(rest)
    if not own_names:
        return bool(_PRONOUN.search(folded) or _INVERTED.search(folded))
    place = folded.find(fold(own_names[0]))
    for match in _PRONOUN.finditer(folded):
        if not _POSSESSIVE.fullmatch(match[0]) or match.start() < place:
            return True
    return False


def _replaced(previous: str, fragment: str) -> str:
    """The previous question with its date, version or name replaced by the fragment's."""
    body = fragment.strip().rstrip("?!. ").strip()
    replaced = _previous_year(previous, fold(body)) or _with_date(previous, body)
    if replaced:
        return replaced
    # Behind a small letter, so that a name that is all there is does not count as an opening word.
    old_names = _names(previous)
    new_names = [name for name in _names(f"a {body}") if not re.fullmatch(r"[QTHS][1-4]", name)]
    if old_names and _VERSION.fullmatch(body):
        old = next((name for name in reversed(old_names) if _VERSION.search(name)), None)
        same = [
            m for m in _VERSION.finditer(old or "") if m[0][-1:].isdigit() == body[-1].isdigit()
        ]
        if old and same:
            new_names = [old[: same[-1].start()] + body + old[same[-1].end() :]]
    if old_names and new_names and len(words(body)) <= 6:
        shared = {name: len(set(words(name)) & set(words(new_names[0]))) for name in old_names}
        best = max(old_names, key=lambda name: shared[name])
        # Of several names, one that has a word in common with the new one: else who knows which.
        if shared[best] or len(shared) == 1:
            position = previous.rfind(best)
            new = new_names[0] if shared[best] else _sibling(best, new_names[0])
            replaced = f"{previous[:position]}{new}{previous[position + len(best) :]}"
            return _with_rest(replaced, body)
    return f"{previous.rstrip(' ?!.')} {body}?"


def _sibling(old: str, new: str) -> str:
    """The new name with the family that the old one names: Scout of Llama 4, so Maverick too."""
    family = re.match(r"(.+ \d+(?:\.\d+)?) [^\W\d]\w*$", old)
    return f"{family[1]} {new}" if family and not any(c.isdigit() for c in new) else new


def _with_date(previous: str, body: str) -> str | None:
    """The previous question with its date replaced by the fragment's; None if one has none."""
    old_dates, new_dates = find_dates(previous), find_dates(body)
    if not old_dates or not new_dates:
        return None
    span = old_dates[-1]
    new = body[new_dates[0].start : new_dates[0].end]
    old = previous[span.start : span.end]
    if re.fullmatch(r"\d{4}", new) and span.first != span.last:
        new = re.sub(r"\d{4}", new, old)  # the same quarter or month of another year
    return _with_rest(f"{previous[: span.start]}{new}{previous[span.end :]}", body)


def _with_rest(replaced: str, body: str) -> str:
    """The same with the words of a fragment that found no place in it, so that none is lost."""
    held = set(words(replaced))
    if set(content_words(body)) <= held:
        return replaced
    return carry(replaced, body)


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
