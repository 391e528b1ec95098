"""What a model may write: from rows whose verdict is plain, and with the default model."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from test_evaluation_fakes import make_answer, make_case, make_row
from typer.testing import CliRunner

from chatbot import verdicts
from chatbot.chatbot import Chatbot
from chatbot.cli import app
from chatbot.config import Config, load_config
from chatbot.errors import DatasetError, UsageError
from chatbot.evaluation.datasets import find_set, load_dataset
from chatbot.evaluation.qualify import LEAST_WRITTEN, decide, judge, qualify, sample
from chatbot.evaluation.statistics import paired_interval
from chatbot.models import CATALOGUE
from chatbot.verdicts import UNMEASURED, Verdict, find_verdict, keep_verdict, writing_of

INFO = {
    "chatbot": {"model": "fake", "model_sha256": "ab" * 32},
    "dataset": {"name": "set", "sha256": "s1"},
    "commit": "c1",
    "dirty": True,
}
QUOTES = ["Something else came before.", "It has 100 billion of them."]
RIGHT, WRONG = "It holds 100 billion.", "It is a model."


def row(checked: list[str], *, quotes: list[str] = QUOTES, **more: Any) -> dict[str, Any]:
    texts = [*checked, *quotes]
    made = make_row(make_case(0), make_answer(" ".join(texts)))
    made["sentences"] = [{"text": text, "citations": [1]} for text in texts]
    return made | {"checked": checked, "quoted": quotes} | more


def verdict(rows: list[dict[str, Any]]) -> Verdict:
    return judge(INFO, rows, today=date(2026, 11, 22))


def test_prose_that_holds_what_the_quotes_hold_qualifies() -> None:
    found = verdict([row([RIGHT])] * 150)
    assert found.writing == "qualified"
    assert (found.prose.right, found.prose.quotes_right, found.questions) == (1, 1, 150)
    assert found.commit == "c1-dirty"
    assert found.openings.wins == 150, "the first quote did not hold the figure"


def test_a_lead_beside_the_point_may_not_lead() -> None:
    quotes = QUOTES[::-1]
    right, wrong = row([RIGHT], quotes=quotes), row([WRONG], quotes=quotes)
    found = verdict([right] * 130 + [wrong] * 20)
    assert found.prose.losses == found.openings.losses == 20
    assert found.answers.losses == 0, "the quotes follow"
    assert found.writing == "quoting"


def test_prose_that_says_too_little_may_still_lead() -> None:
    # The lead is as good as the first quote, and the second quote holds what is asked.
    found = verdict([row([WRONG])] * 150)
    assert found.prose.losses == 150
    assert found.openings.losses == 0
    assert found.writing == "leading"


def test_few_questions_or_few_sentences_earn_nothing() -> None:
    assert verdict([row([RIGHT])] * LEAST_WRITTEN).writing == "quoting", "too wide an interval"
    silent = [row([])] * 150
    assert verdict([*silent, *[row([RIGHT])] * (LEAST_WRITTEN - 1)]).writing == "quoting"
    assert verdict([*silent, *[row([RIGHT])] * LEAST_WRITTEN]).writing == "qualified"


def test_refusals_do_not_count_and_failures_stop_it() -> None:
    refused = make_row(make_case(1), make_answer(abstained=True)) | {"checked": [], "quoted": []}
    assert verdict([*[row([RIGHT])] * 150, refused]).questions == 150
    with pytest.raises(DatasetError, match="None of the questions"):
        verdict([refused])
    with pytest.raises(DatasetError, match="boom"):
        verdict([row([RIGHT]), {"case": make_case(2), "error": "boom"}])


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    for only_a, only_b in ((0.02, 0.02), (0.1, 0.05), (0.0, 0.04)):
        drawn = rng.multinomial(150, [only_a, only_b, 1 - only_a - only_b], 2_000)
        bounds = [paired_interval(a, b, 150) for a, b, _ in drawn]
        held = np.mean([low <= only_b - only_a <= high for low, high in bounds])
        assert 0.93 <= held <= 1
    assert paired_interval(0, 0, 150)[0] == pytest.approx(-1.96 / 152, abs=1e-4)
    low, high = paired_interval(3, 9, 150)
    assert paired_interval(9, 3, 150) == pytest.approx((-high, -low))


def test_every_beginning_of_the_sample_has_the_categories_in_proportion() -> None:
    dataset = load_dataset(find_set("llama-dev"))
    whole = sample(dataset, ("en",), limit=None)
    assert all(c.data["answerable"] and c.data["language"] == "en" for c in whole.cases)
    assert whole.sha256 == dataset.sha256
    kinds = Counter(case.data["category"] for case in whole.cases)
    for count in (40, 80):
        part = sample(dataset, ("en",), limit=count)
        assert part.cases == whole.cases[:count]
        held = Counter(case.data["category"] for case in part.cases)
        for kind, total in kinds.items():
            assert abs(held[kind] - total * count / len(whole.cases)) <= 2
    with pytest.raises(DatasetError, match="no answerable question in de"):
        sample(dataset, ("de",), limit=None)


def test_a_verdict_belongs_to_one_file(tmp_path: Path) -> None:
    found = verdict([row([RIGHT])] * 150)
    assert find_verdict(tmp_path, found.sha256) is None
    assert writing_of(tmp_path, found.sha256) == UNMEASURED == "quoting"
    path = keep_verdict(tmp_path, found)
    assert find_verdict(tmp_path, found.sha256) == found
    assert writing_of(tmp_path, found.sha256) == "qualified"
    # The folder's name holds only the beginning of the checksum.
    assert find_verdict(tmp_path, found.sha256[:16] + "0" * 48) is None
    path.write_text("{", encoding="utf-8")
    assert writing_of(tmp_path, found.sha256) == UNMEASURED


@pytest.mark.model
def test_each_way_of_writing_gives_its_answer_and_the_questions_can_be_gone_on_with(
    drafting: Chatbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafting, "config", drafting.config.model_copy(
        update={"models_dir": tmp_path, "answer_tokens": 32}))  # fmt: skip
    dataset = load_dataset(find_set("llama-dev"))
    monkeypatch.setattr(drafting, "writing", "quoting")
    with pytest.raises(UsageError, match="no chat model to judge"):
        qualify(drafting, dataset, limit=1)
    monkeypatch.setattr(drafting, "writing", "leading")
    asked: list[int] = []
    qualify(drafting, dataset, limit=1, progress=lambda done, _: asked.append(done))
    found = qualify(
        drafting, dataset, limit=3, resume=True, progress=lambda done, _: asked.append(done)
    )
    assert asked == [1, 2, 3]
    assert drafting.model is not None
    assert find_verdict(tmp_path, drafting.model.sha256) == found
    assert found.writing == "quoting", "three questions show nothing"

    question = "How many times has Llama been downloaded?"
    texts: dict[str, list[str]] = {}
    for writing in ("quoting", "leading", "qualified"):
        monkeypatch.setattr(drafting, "writing", writing)
        answer = drafting.answer(question)
        texts[writing] = [sentence.text for sentence in answer.sentences]
        used = {number for sentence in answer.sentences for number in sentence.citations}
        assert used == {citation.number for citation in answer.citations}
        assert (answer.model is None) == (writing == "quoting")
    if answer.status == "answered":
        written = len(texts["qualified"])
        assert texts["leading"][:written] == texts["qualified"]
        assert len(texts["leading"]) > written
    else:
        assert texts["qualified"] == texts["leading"] == texts["quoting"]


@pytest.fixture
def own_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models in a folder without verdicts, and none that ships."""
    for model in CATALOGUE:
        if (ROOT / "models" / model.file).is_file():
            (tmp_path / model.file).symlink_to(ROOT / "models" / model.file)
    monkeypatch.setattr(verdicts, "SHIPPED", tmp_path / "none")
    return tmp_path


@pytest.mark.model
def test_the_chatbot_obeys_the_verdict_and_the_settings_before_it(
    corpus_config: Config, own_models: Path
) -> None:
    config = corpus_config.model_copy(update={"models_dir": own_models})
    with Chatbot.open(config) as chatbot:
        assert chatbot.model is not None, chatbot.model_problem
        assert chatbot.writing == "quoting", "not measured"
        assert chatbot.answer("How many times has Llama been downloaded?").model is None
        found = verdict([row([RIGHT])] * 150)
        keep_verdict(own_models, replace(found, sha256=chatbot.model.sha256))
        chatbot.load_model("smollm2-135m")
        assert chatbot.writing == chatbot.describe()["writing"] == "qualified"
        chatbot.config = config.model_copy(update={"writing": "leading"})
        chatbot.load_model("smollm2-135m")
        assert chatbot.writing == "leading"


@pytest.mark.parametrize("path", sorted(verdicts.SHIPPED.glob("*.json")), ids=lambda p: p.stem)
def test_verdicts_that_ship_are_of_the_shipped_set_and_follow_from_their_figures(
    path: Path, tmp_path: Path
) -> None:
    found = find_verdict(tmp_path, json.loads(path.read_text(encoding="utf-8"))["sha256"])
    assert found is not None
    assert any(found.sha256 == model.sha256 for model in CATALOGUE)
    assert found.dataset_sha256 == load_dataset(find_set(found.dataset)).sha256
    assert found.writing == decide(
        found.answers, found.openings, found.prose, written=found.written
    )


def test_a_verdict_ships_for_the_default_model(tmp_path: Path) -> None:
    (default,) = (m for m in CATALOGUE if m.name == load_config().chat_model)
    assert default.sha256 is not None
    assert find_verdict(tmp_path, default.sha256) is not None


@pytest.mark.model
def test_the_command_measures_keeps_and_lists_the_verdict(
    seeded_storage: Path, own_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATBOT_MODELS_DIR", str(own_models))
    monkeypatch.setenv("CHATBOT_STORAGE_DIR", str(seeded_storage))
    monkeypatch.setenv("CHATBOT_ANSWER_TOKENS", "16")
    runner = CliRunner()

    def listed() -> Any:
        rows = json.loads(runner.invoke(app, ["models", "list", "--json"]).output)
        return next(row["verdict"] for row in rows if row["name"] == "smollm2-135m")

    assert listed() is None
    result = runner.invoke(app, ["models", "qualify", "--limit", "2", "--json"])
    assert result.exit_code == 0, result.output
    assert listed() == json.loads(result.output)
    assert listed()["writing"] == "quoting"
    assert "quoting: " in runner.invoke(app, ["models", "list"]).output
    wrong = runner.invoke(app, ["models", "qualify", "nonsense"])
    assert isinstance(wrong.exception, UsageError)
