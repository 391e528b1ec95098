"""Kept arrays come back under their key, and under no other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from chatbot.caches import read_arrays, write_arrays


def test_what_was_written_is_read_under_its_key_only(tmp_path: Path) -> None:
    file = tmp_path / "kept.npz"
    write_arrays(file, "a", first=np.arange(3), names=np.array(["x", "é"]))
    held = read_arrays(file, "a")
    assert held is not None
    assert held["first"].tolist() == [0, 1, 2]
    assert held["names"].tolist() == ["x", "é"]
    assert read_arrays(file, "b") is None
    assert [path.name for path in tmp_path.iterdir()] == ["kept.npz"]


@pytest.mark.parametrize("damage", [b"", b"damaged", b"PK\x03\x04 half a file"])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, damage: bytes) -> None:
    file = tmp_path / "kept.npz"
    assert read_arrays(file, "a") is None
    file.write_bytes(damage)
    assert read_arrays(file, "a") is None


def test_a_file_that_was_cut_short_is_as_good_as_none(tmp_path: Path) -> None:
    file = tmp_path / "kept.npz"
    write_arrays(file, "a", some=np.arange(1000))
    file.write_bytes(file.read_bytes()[:3000])
    assert read_arrays(file, "a") is None


def test_where_nothing_can_be_written_nothing_fails(tmp_path: Path) -> None:
    write_arrays(tmp_path / "no such folder" / "kept.npz", "a", some=np.arange(3))
    assert not list(tmp_path.iterdir())
