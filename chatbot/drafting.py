"""A growing draft, checked sentence by sentence as soon as each is complete.

Knows nothing of models, events or what supports a sentence: that is asked of a function.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from chatbot.documents import split_sentences
from chatbot.records import DroppedSentence, Evidence, Language

Support = Callable[[str], tuple[list[Evidence], str]]
"""Given a drafted sentence: the source sentences that support it, or none and the reason."""

# A sentence is complete when the next one has begun: "approx." and "1." are followed by what is
# still the same sentence, and only the first letters tell. Splitting costs 0.6 ms a sentence, so
# it is done for the first tokens of a sentence only.
_NEXT_BEGUN = re.compile(r"(?:[.!?…][^\w\s]{0,3}\s+|\n\s*)[^.!?…\n]{2,40}$")


class DraftCheck:
    """What of a draft stands so far."""

    def __init__(self, language: Language, support: Support, most: int | None = None) -> None:
        """Only the first `most` sentences of the draft count; all of them if None."""
        self.checked: list[tuple[str, list[Evidence]]] = []
        """Sentences that stand, without the model's own citation marks, with their sources."""
        self.enough = False
        """The draft has as many finished sentences as count, whether they stand or not."""
        self.dropped: list[DroppedSentence] = []
        self._language = language
        self._support = support
        self._most = most
        self._known: dict[str, tuple[list[Evidence], str]] = {}
        self._said: list[str] = []

    def grow(self, draft: str) -> list[tuple[str, list[Evidence]]]:
        """Take the draft so far; gives the sentences that have become complete and stand."""
        if not _NEXT_BEGUN.search(draft):
            return []
        sentences = self._cut(draft)[:-1]
        self.enough = self._most is not None and len(sentences) >= self._most
        return self._look(sentences)

    def close(self, draft: str) -> list[tuple[str, list[Evidence]]]:
        """Take the whole draft; gives what stands and was not given yet.

        `checked` and `dropped` are those of the whole draft afterwards, whatever was cut
        differently while it grew.
        """
        return self._look(self._cut(draft))

    def _cut(self, draft: str) -> list[str]:
        return [sentence.text for sentence in split_sentences(draft.strip(), self._language)]

    def _look(self, sentences: list[str]) -> list[tuple[str, list[Evidence]]]:
        self.checked, self.dropped = [], []
        for sentence in sentences[: self._most]:
            text = re.sub(r"\s*\[\d+\]", "", sentence).strip()
            if text not in self._known:
                self._known[text] = self._support(text)
            sources, reason = self._known[text]
            if sources:
                self.checked.append((text, sources))
            else:
                self.dropped.append(DroppedSentence(text=text, reason=reason))
        fresh = self.checked[len(self._said) :]
        if [text for text, _ in self.checked[: len(self._said)]] != self._said:
            fresh = [item for item in self.checked if item[0] not in self._said]
        self._said += [text for text, _ in fresh]
        return fresh
