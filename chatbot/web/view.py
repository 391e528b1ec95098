"""Answers and their events as HTML. Pure but for reading the cited documents.

Everything dynamic goes through `escape`: gr.HTML runs what it is given, so nothing that a person,
a document or a model wrote may reach it as markup.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from html import escape

from chatbot.records import (
    Abstained,
    Answer,
    AnswerSentence,
    Checked,
    Citation,
    Draft,
    DroppedSentence,
    Event,
    Found,
    Language,
    Quoted,
    ScoredPassage,
    Understood,
)
from chatbot.web.chart import timeline
from chatbot.web.places import Read, find_place, link, place_html
from chatbot.web.words import day_words, say

_THUMB = (
    '<svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true"><path d="M7 10v10H4V10zm3 '
    '10V10l4-7c1.6 0 2.4 1 2 2.6L15.2 9H19a2 2 0 0 1 2 2.4l-1.4 7A2 2 0 0 1 17.6 20z"/></svg>'
)
MOST_KEPT = 24
"""Characters of a word that may not be parted from its chips: it must fit on a phone."""
NEAREST = 3
"""Passages shown under a refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is known of an answer while it is made."""

    question: str
    query: str = ""
    ahead: int = 0
    quotes: tuple[AnswerSentence, ...] = ()
    citations: tuple[Citation, ...] = ()
    """Of the quotes, then those that only the draft uses: numbers stay while the answer grows."""
    draft: str = ""
    checked: tuple[AnswerSentence, ...] = ()
    passages: tuple[ScoredPassage, ...] = field(default=(), repr=False)
    refusal: str = ""

    @property
    def unchecked(self) -> str:
        """The part of the draft after the last sentence that stands."""
        draft = _CITED.sub("", self.draft)
        if not self.checked:
            return draft
        return draft.rpartition(self.checked[-1].text)[2]


_CITED = re.compile(r"\s*\[\d+\]")
"""The model's own citation marks, which count for nothing."""


def advance(progress: Progress, event: Event) -> Progress:
    """The progress after one more event; the Answer itself is not progress."""
    if isinstance(event, Understood):
        return replace(progress, query=event.query)
    if isinstance(event, Found):
        return replace(progress, passages=event.passages)
    if isinstance(event, Abstained):
        return replace(progress, refusal=event.text)
    if isinstance(event, Quoted):
        return replace(progress, quotes=event.sentences, citations=event.citations)
    if isinstance(event, Draft):
        return replace(progress, draft=progress.draft + event.text)
    if isinstance(event, Checked):
        known = {(shown.doc, shown.start): shown for shown in progress.citations}
        for cited in event.citations:
            known.setdefault((cited.doc, cited.start), replace(cited, number=len(known) + 1))
        numbers = tuple(known[cited.doc, cited.start].number for cited in event.citations)
        return replace(
            progress,
            checked=(*progress.checked, replace(event.sentence, citations=numbers)),
            citations=tuple(known.values()),
        )
    return progress


class View:
    """Renders in one interface language."""

    def __init__(self, language: Language, read: Read) -> None:
        self.language = language
        self._read = read

    def say(self, key: str, **values: object) -> str:
        """A text of the interface, escaped."""
        return escape(say(self.language, key, **values))

    def plain(self, key: str) -> str:
        """A text of the interface, not escaped."""
        return say(self.language, key)

    def progress(self, progress: Progress) -> str:
        """A turn while it is answered."""
        parts = [self._searched(progress.question, progress.query)]
        if progress.ahead:
            parts.append(self._status(self.say("waiting", ahead=progress.ahead)))
        elif progress.refusal:
            parts.append(f'<p class="statement refusal">{escape(progress.refusal)}</p>')
            parts.append(self._nearest(progress.passages))
        elif not progress.quotes:
            parts.append(self._status(self.say("looking")))
        else:
            parts.append(f'<p class="label">{self.say("evidence")}</p>')
            parts.append(self._sentences(progress.quotes, progress.citations))
            parts.append(self._draft(progress))
            parts.append(self._sources(progress.citations))
        return self._turn(progress.question, "".join(parts), busy=True)

    def answer(self, answer: Answer) -> str:
        """A turn that is answered, with everything to check it."""
        parts = [self._searched(answer.question, answer.query)]
        if answer.abstained:
            said = answer.sentences[0].text if answer.citations else answer.answer
            parts.append(
                f'<p class="statement refusal" lang="{answer.language}">{escape(said)}</p>'
            )
            if answer.citations:
                parts.append(self._sentences(answer.sentences[1:], answer.citations))
                parts.append(self._sources(answer.citations))
            else:
                parts.append(self._nearest(answer.passages))
        else:
            parts.append(
                self._sentences(answer.sentences, answer.citations, answer.language, answer.as_of)
            )
            parts.append(self._sources(answer.citations))
            parts.append(self._others(answer))
        parts.append(self._how(answer))
        parts.append(self._actions(answer))
        return self._turn(answer.question, "".join(parts), answer=answer)

    def failure(self, question: str, message: str, remedy: str) -> str:
        """A turn that ended in an error that the reader can mend."""
        body = f'<p class="statement failure" role="alert">{escape(message)} {escape(remedy)}</p>'
        return self._turn(question, body)

    def stopped(self, question: str) -> str:
        """A turn that was stopped before there was anything to say."""
        return self._turn(question, self._status(self.say("stopped")))

    def _turn(
        self, question: str, body: str, *, busy: bool = False, answer: Answer | None = None
    ) -> str:
        name = f' data-answer="{escape(answer.id)}"' if answer else ""
        return (
            f'<article class="turn" aria-busy="{str(busy).lower()}"{name}>'
            f'<h2 class="asked"><span class="sr-only">{self.say("you_asked")} </span>'
            f"<span>{escape(question)}</span></h2>"
            f'<div class="reply">{body}</div></article>'
        )

    def _status(self, text: str) -> str:
        return f'<p class="status"><span class="pulse" aria-hidden="true"></span>{text}</p>'

    def _searched(self, question: str, query: str) -> str:
        if not query or query.split() == question.split():
            return ""
        return f'<p class="searched">{self.say("searched")} <q>{escape(query)}</q></p>'

    def _draft(self, progress: Progress) -> str:
        """What the model has written: solid where it is checked, dim where it is not yet."""
        label = self.say("drafting" if progress.draft else "checking")
        pulse = '<span class="pulse" aria-hidden="true"></span>'
        solid = self._sentences(progress.checked, progress.citations) if progress.checked else ""
        return (
            f'<div class="draft"><p class="label">{pulse}{label}</p>{solid}'
            f'<p class="unchecked" aria-hidden="true">{escape(progress.unchecked)}</p></div>'
        )

    def _sentences(
        self,
        sentences: Sequence[AnswerSentence],
        citations: Sequence[Citation],
        language: Language | None = None,
        as_of: date | None = None,
    ) -> str:
        by_number = {citation.number: citation for citation in citations}
        lines = []
        for place, sentence in enumerate(sentences):
            chips = "".join(self._chip(by_number[n]) for n in sentence.citations if n in by_number)
            quoted = any(
                by_number[n].text == sentence.text for n in sentence.citations if n in by_number
            )
            kind = "quoted" if quoted else "written"
            day = self._as_of(as_of) if place == 0 else ""
            lines.append(f'<p class="statement {kind}">{_kept(sentence.text, chips)}{day}</p>')
        lang = f' lang="{language}"' if language else ""
        return f'<div class="answer"{lang}>{"".join(lines)}</div>'

    def _as_of(self, day: date | None) -> str:
        if day is None:
            return ""
        return (
            f' <time class="as-of" datetime="{day.isoformat()}" lang="{self.language}">'
            f"{self.say('as_of', day=day_words(day, self.language))}</time>"
        )

    def _chip(self, citation: Citation) -> str:
        label = self.say("source", number=citation.number, title=citation.title)
        return (
            f'&nbsp;<a class="chip" href="{_href(citation)}" data-citation="{citation.number}" '
            f'aria-label="{label}" title="{escape(citation.title)}">{citation.number}</a>'
        )

    def _sources(self, citations: Sequence[Citation]) -> str:
        if not citations:
            return ""
        items = []
        for citation in citations:
            place = find_place(
                self._read, citation.doc, citation.start, citation.end, citation.text
            )
            note = f'<p class="note">{self.say("changed")}</p>' if place.changed else ""
            items.append(
                f'<li value="{citation.number}"><div class="source-head">'
                f'<a class="source-title" href="{_href(citation)}" '
                f'data-citation="{citation.number}">{escape(citation.title)}</a>'
                f"{self._days(citation.published, citation.as_of)}</div>"
                f"<blockquote>{place_html(place)}</blockquote>{note}</li>"
            )
        return (
            f'<section class="sources" aria-label="{self.say("sources")}">'
            f"<h3>{self.say('sources')}</h3><ol>{''.join(items)}</ol></section>"
        )

    def _days(self, published: date | None, as_of: date | None) -> str:
        days = []
        if published:
            days.append(self.say("published", day=day_words(published, self.language)))
        if as_of and as_of != published:
            days.append(self.say("as_of", day=day_words(as_of, self.language)))
        return f' <span class="days">{" · ".join(days)}</span>' if days else ""

    def _nearest(self, passages: Sequence[ScoredPassage]) -> str:
        if not passages:
            return ""
        items = []
        for found in passages[:NEAREST]:
            passage = found.passage
            href = escape(link(passage.doc, passage.start, passage.end))
            items.append(
                f'<li><div class="source-head"><a class="source-title" href="{href}" '
                f'data-nearest="">{escape(passage.title)}</a>'
                f"{self._days(passage.published, passage.as_of)}</div>"
                f"<blockquote>{escape(_shortened(passage.text))}</blockquote></li>"
            )
        return (
            f'<section class="sources nearest" aria-label="{self.say("nearest")}">'
            f"<h3>{self.say('nearest')}</h3><ul>{''.join(items)}</ul></section>"
        )

    def _others(self, answer: Answer) -> str:
        if not answer.other_values:
            return ""
        rows = []
        for other in answer.other_values:
            day = day_words(other.as_of, self.language) if other.as_of else "–"
            href = escape(link(other.doc, other.start, other.end))
            rows.append(
                f'<tr><th scope="row">{escape(day)}</th><td><a href="{href}" data-other="" '
                f'title="{escape(other.text)}">{escape(other.value)}</a></td></tr>'
            )
        chart = timeline(answer, self.language)
        return (
            f'<section class="others"><h3>{self.say("others")}</h3>'
            f"<p>{self.say('others_lead')}</p>{chart}<table>{''.join(rows)}</table></section>"
        )

    def _how(self, answer: Answer) -> str:
        lines = []
        percent = round((answer.probability or 0) * 100)
        if answer.abstained:
            lines.append(self.say("how_abstained", percent=percent))
        else:
            texts = {citation.text for citation in answer.citations}
            written = sum(sentence.text not in texts for sentence in answer.sentences)
            if written:
                key = "sentence_one" if written == 1 else "sentence_many"
                count = say(self.language, key, number=written)
                lines.append(self.say("how_answered", model=answer.model or "?", count=count))
            if written < len(answer.sentences):
                lines.append(self.say("how_quoted"))
            lines.append(self.say("how_probability", percent=percent))
        seconds = answer.seconds
        lines.append(
            self.say(
                "how_seconds",
                retrieve=self._number(seconds.retrieve),
                total=self._number(seconds.total),
            )
        )
        body = "".join(f"<p>{line}</p>" for line in lines)
        if answer.dropped:
            items = "".join(self._dropped(sentence) for sentence in answer.dropped)
            body += f'<h4>{self.say("how_dropped")}</h4><ul class="dropped">{items}</ul>'
        return f'<details class="how"><summary>{self.say("how")}</summary>{body}</details>'

    def _dropped(self, sentence: DroppedSentence) -> str:
        known, colon, detail = sentence.reason.partition(": ")
        reason = (
            self.say("not_cited", detail=detail)
            if known == "not in the cited text" and colon
            else escape(sentence.reason)
        )
        return f"<li><s>{escape(sentence.text)}</s> <span>{reason}</span></li>"

    def _number(self, seconds: float | None) -> str:
        text = f"{seconds or 0:.1f}"
        return text.replace(".", ",") if self.language == "fr" else text

    def _actions(self, answer: Answer) -> str:
        buttons = "".join(
            f'<button type="button" data-action="{action}">{self.say(action)}</button>'
            for action in ("copy", "again", "edit")
        )
        rating = "".join(
            f'<button type="button" data-action="{action}" aria-pressed="false" '
            f'aria-label="{self.say(action)}" title="{self.say(action)}">{sign}</button>'
            for action, sign in (("good", _THUMB), ("bad", _THUMB))
        )
        return (
            f'<div class="actions">{buttons}<span class="gap"></span>{rating}</div>'
            f'<form class="why" hidden><label>{self.say("why")} '
            f'<input name="reason" maxlength="500" autocomplete="off"></label>'
            f'<button type="submit">{self.say("save")}</button></form>'
            f'<p class="thanks" role="status" hidden>{self.say("thanks")}</p>'
        )


def _kept(text: str, chips: str) -> str:
    """A sentence whose chips stay on the line of its last word."""
    head, space, last = text.rpartition(" ")
    if len(last) > MOST_KEPT:
        return f'<span class="words">{escape(text)}</span>{chips}'
    return (
        f'<span class="words">{escape(head + space)}</span>'
        f'<span class="keep"><span class="words">{escape(last)}</span>{chips}</span>'
    )


def _href(citation: Citation) -> str:
    return escape(link(citation.doc, citation.start, citation.end))


def _shortened(text: str, most: int = 320) -> str:
    if len(text) <= most:
        return text
    return text[:most].rsplit(" ", 1)[0] + " …"
