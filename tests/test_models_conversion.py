"""Converting a model file: measured, recorded, and never used when something does not fit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
import tiny_gguf

from chatbot import conversion
from chatbot.errors import ModelFileError
from chatbot.llama import quantize
from chatbot.models import checksum, converted_path

ROOT = Path(__file__).resolve().parent.parent
Q4_1 = 3


@pytest.fixture
def slow_file(tmp_path: Path) -> Path:
    """A tiny model in the quantization that wants converting."""
    whole = tiny_gguf.write(tmp_path / "whole.gguf")
    path = tmp_path / "tiny.gguf"
    quantize(whole, path, Q4_1)
    return path


def test_a_slow_quantization_is_converted_measured_and_recorded(slow_file: Path) -> None:
    sha256 = checksum(slow_file)
    record = conversion.convert(slow_file, sha256)
    assert record is not None
    assert (record.original_type, record.type) == ("Q4_1", "Q8_0")
    assert 0 <= record.divergence <= conversion.MOST_DIVERGENCE
    assert record.original_sha256 == sha256
    target = converted_path(slow_file)
    assert record.sha256 == checksum(target)
    assert conversion.find_conversion(slow_file, sha256) == (target, record)
    modified = target.stat().st_mtime_ns
    assert conversion.convert(slow_file, sha256) == record
    assert target.stat().st_mtime_ns == modified, "not converted twice"


def test_a_fast_quantization_stays_as_it_is(tmp_path: Path) -> None:
    path = tiny_gguf.write(tmp_path / "tiny.gguf")
    assert conversion.convert(path, checksum(path)) is None
    assert not converted_path(path).exists()


def test_a_converted_file_that_is_damaged_or_of_another_original_is_not_used(
    slow_file: Path,
) -> None:
    sha256 = checksum(slow_file)
    conversion.convert(slow_file, sha256)
    assert conversion.find_conversion(slow_file, "0" * 64) is None
    target = converted_path(slow_file)
    target.write_bytes(target.read_bytes()[:-100])
    assert conversion.find_conversion(slow_file, sha256) is None
    with pytest.raises(ModelFileError, match="damaged"):
        conversion.verify_conversion(slow_file, sha256)
    assert conversion.convert(slow_file, sha256) is not None, "converted again"
    assert conversion.verify_conversion(slow_file, sha256)
    record = target.with_name(target.name + ".json")
    record.write_text(json.dumps({"sha256": "x"}))
    assert conversion.find_conversion(slow_file, sha256) is None


def test_a_conversion_that_changes_the_model_is_thrown_away(
    slow_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tiny_gguf.write(slow_file.parent / "other.gguf", seed=8)
    monkeypatch.setattr(
        conversion, "quantize", lambda _source, target, _type: shutil.copy(other, target)
    )
    with pytest.raises(ModelFileError, match="nats a token"):
        conversion.convert(slow_file, checksum(slow_file))
    assert list(converted_path(slow_file).parent.iterdir()) == []


def test_a_short_disk_leaves_the_original_in_use(
    slow_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(conversion.shutil, "disk_usage", lambda _: usage(1, 1, 1000))
    with pytest.raises(ModelFileError, match="no room"):
        conversion.convert(slow_file, checksum(slow_file))
    assert conversion.find_conversion(slow_file, checksum(slow_file)) is None


@pytest.mark.model
def test_the_default_models_conversion_is_within_the_bound() -> None:
    original = ROOT / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    found = conversion.find_conversion(original, checksum(original))
    if found is None:
        pytest.skip("`chatbot models pull --no-convert` was run here")
    assert conversion.measure_divergence(original, found[0]) <= conversion.MOST_DIVERGENCE


@pytest.mark.model
def test_pull_converts_and_says_so_and_can_be_told_not_to(tmp_path: Path) -> None:
    model = "SmolLM2-135M-Instruct.Q4_1.gguf"
    shutil.copy(ROOT / "models" / model, tmp_path)

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "chatbot", "models", *words],
            capture_output=True,
            text=True,
            env={**os.environ, "CHATBOT_MODELS_DIR": str(tmp_path)},
        )

    assert "converted" not in command("pull", "--no-convert", "smollm2-135m").stderr
    assert not converted_path(tmp_path / model).exists()
    pulled = command("pull", "smollm2-135m")
    assert pulled.returncode == 0
    assert "converted from Q4_1 to Q8_0" in pulled.stderr
    assert "here, converted" in command("list").stdout
    assert "nats a token" in command("verify", "smollm2-135m").stdout
    with converted_path(tmp_path / model).open("r+b") as file:
        file.write(b"damage")
    damaged = command("verify", "smollm2-135m")
    assert damaged.returncode == 1
    assert "Run: chatbot models pull" in damaged.stderr
