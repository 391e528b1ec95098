"""A second GGUF, tiny and random, goes through the same engine: no marker, it takes seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_gguf

from chatbot.errors import ModelFileError
from chatbot.inference import ChatModel, Levers

SYSTEM = {"role": "system", "content": "Answer from the sources."}


def ask(model: ChatModel, text: str) -> str:
    prompt = model.render([SYSTEM, {"role": "user", "content": text}])
    return "".join(model.stream(prompt, max_tokens=24))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf.write(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


def test_it_answers_and_reuse_changes_nothing(tiny: Path) -> None:
    questions = ["one " * 50, "one " * 50 + "two", "three", "one " * 50]
    answers = []
    for levers in (
        Levers(reuse=False, governor=False),
        Levers(governor=False),
        Levers(governor=False),
    ):
        model = ChatModel(tiny, context_tokens=512, levers=levers)
        try:
            answers.append([ask(model, question) for question in questions])
        finally:
            model.close()
    assert answers[0] == answers[1] == answers[2]
    assert len(set(answers[0])) > 1
    assert list((tiny.parent / ".engine").glob("prefix-*.state"))


def test_states_are_not_shared_with_another_model_of_the_same_shape(tmp_path: Path) -> None:
    answers = {}
    for seed in (1, 2):
        for cache in ("own", "shared"):
            folder = tmp_path / (f"own-{seed}" if cache == "own" else "shared")
            path = tiny_gguf.write(tmp_path / f"{seed}.gguf", seed=seed)
            model = ChatModel(path, context_tokens=512, cache=folder, levers=Levers(governor=False))
            try:
                answers[seed, cache] = ask(model, "hello")
            finally:
                model.close()
    assert answers[1, "own"] == answers[1, "shared"]
    assert answers[2, "own"] == answers[2, "shared"]
    assert answers[1, "own"] != answers[2, "own"]


def test_it_has_no_template_and_says_who_it_is(tiny: Path) -> None:
    model = ChatModel(tiny, context_tokens=512)
    try:
        assert model.name == "tiny"
        assert model.count("abc") >= 3
        prompt = model.render([SYSTEM, {"role": "user", "content": "hi"}])
        assert prompt[0] == 1, "the beginning that this model wants"
        assert 0 < prompt.fixed < len(prompt)
    finally:
        model.close()


def test_a_file_with_an_unknown_architecture_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tiny_gguf.write(tmp_path / "odd.gguf")
    path.write_bytes(path.read_bytes().replace(b"llama", b"lhama"))
    with pytest.raises(ModelFileError, match=r"cannot load .*odd\.gguf"):
        ChatModel(path, context_tokens=512)
