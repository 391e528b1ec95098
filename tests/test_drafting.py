"""A draft is checked sentence by sentence while it grows, and ends as if checked at once."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_model import ScriptedModel

from chatbot.chatbot import Chatbot
from chatbot.config import Config
from chatbot.documents import split_sentences
from chatbot.drafting import DraftCheck
from chatbot.records import Answer, Checked, Draft, Evidence, Passage, Sentence

DRAFTS = [
    "Llama had 1.2 billion downloads. [1] It costs approx. 3 euros a day. No. That is wrong! Done",
    "Le modèle a 17 milliards de paramètres actifs. Il en compte 400 au total [2]. Voilà ?",
    "- one line\n- another line. With two\n\nA new block. And so on.",
    "A | table | row. And text. More text here.",
    "“Quoted.” Then Dr. Smith said so… and went. The U.S. Senate met. 3.5 is a number.",
    "Unclosed draft that never ends",
    "",
]


def source() -> list[Evidence]:
    sentence = Sentence(text="s", start=0, end=1)
    passage = Passage(
        id="p", doc="d", title="", section="", published=None, as_of=None, lang="en", start=0,
        end=1, text="s", sentences=(sentence,),
    )  # fmt: skip
    return [Evidence(sentence=sentence, passage=passage, score=1.0)]


def support(text: str) -> tuple[list[Evidence], str]:
    """Half of all sentences stand: those of an even length."""
    return (source(), "") if len(text) % 2 == 0 else ([], "odd")


def whole(draft: str) -> tuple[list[str], list[str]]:
    texts = [
        re.sub(r"\s*\[\d+\]", "", s.text).strip() for s in split_sentences(draft.strip(), "en")
    ]
    return [t for t in texts if support(t)[0]], [t for t in texts if not support(t)[0]]


@settings(max_examples=60, deadline=None)
@given(draft=st.sampled_from(DRAFTS), cuts=st.lists(st.integers(0, 100), max_size=40))
def test_a_draft_in_pieces_ends_like_the_same_draft_at_once(draft: str, cuts: list[int]) -> None:
    check = DraftCheck("en", support)
    given = []
    for cut in sorted(min(cut, len(draft)) for cut in cuts):
        given += check.grow(draft[:cut])
    given += check.close(draft)
    checked, dropped = whole(draft)
    assert [text for text, _ in check.checked] == checked
    assert [item.text for item in check.dropped] == dropped
    assert set(checked) <= {text for text, _ in given}
    assert len({text for text, _ in given}) == len(given), "nothing is given twice"


def test_a_sentence_is_given_when_the_next_one_begins() -> None:
    check = DraftCheck("en", lambda text: (source(), ""))
    draft = "First is here. Second is there. Third"
    seen = {}
    for end in range(len(draft) + 1):
        for text, _ in check.grow(draft[:end]):
            seen[text] = end
    assert list(seen) == ["First is here.", "Second is there."]
    assert seen["First is here."] <= draft.index("Second") + 3
    assert [text for text, _ in check.close(draft)] == ["Third"]


def test_what_supports_a_sentence_is_asked_once() -> None:
    asked = []

    def once(text: str) -> tuple[list[Evidence], str]:
        asked.append(text)
        return [], "no"

    check = DraftCheck("en", once)
    draft = "One is one. Two is two. Three is three. Four"
    for end in range(len(draft) + 1):
        check.grow(draft[:end])
    check.close(draft)
    assert asked == ["One is one.", "Two is two.", "Three is three.", "Four"]
    assert [item.reason for item in check.dropped] == ["no"] * 4


def test_only_the_first_sentences_count_and_then_the_draft_has_enough() -> None:
    draft = "One is one. Two is two. Three is three. Four"
    whole = DraftCheck("en", lambda _: (source(), ""), most=2)
    whole.close(draft)
    grown = DraftCheck("en", lambda _: (source(), ""), most=2)
    ends = []
    for end in range(len(draft) + 1):
        grown.grow(draft[:end])
        if grown.enough:
            ends.append(end)
    assert draft[: ends[0]].startswith("One is one. Two is two. ")
    assert "Three is" not in draft[: ends[0]], "it goes on for no more than a few letters"
    grown.close(draft[: ends[0]])
    assert [t for t, _ in grown.checked] == [t for t, _ in whole.checked]
    assert [t for t, _ in whole.checked] == ["One is one.", "Two is two."]


def test_the_answer_is_that_of_the_whole_draft_and_its_sentences_come_before_its_end(
    corpus_config: Config,
) -> None:
    """Each sentence that stands is an event as soon as the next begins, numbered as at the end."""
    question = "How many times has Llama been downloaded?"
    right = "As of 29 April 2025, Llama had been downloaded 1.2 billion times."
    draft = f"{right} It has 99 trillion users. [7] That was 650 million before."
    with Chatbot.open(corpus_config.model_copy(update={"chat_model": "none"})) as chatbot:
        answers = []
        for pieces in ([draft], list(draft), re.findall(r"\S+\s*", draft)):
            chatbot.model, chatbot.writing = ScriptedModel(pieces), "leading"
            events = list(chatbot.ask(question))
            answers.append(events[-1])
            kinds = [type(event) for event in events]
            if len(pieces) > 1:
                assert Draft in kinds[kinds.index(Checked) :], "it did not wait for the whole draft"
            first = events[kinds.index(Checked)]
            assert isinstance(first, Checked)
            assert first.sentence.text == right
    for answer in answers:
        assert isinstance(answer, Answer)
        assert answer.status == "answered"
        assert answer.sentences[0] == first.sentence
        assert answer.citations[0] in first.citations
        assert "It has 99 trillion users." in [item.text for item in answer.dropped]
        assert (answer.sentences, answer.citations, answer.dropped) == (
            answers[0].sentences, answers[0].citations, answers[0].dropped,
        )  # fmt: skip
