"""The governor with a clock that is turned by hand, and what is stored of a calibration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chatbot.calibration import (
    MOST_PROBE_SECONDS,
    PROBE_SECONDS,
    WINDOW,
    Calibration,
    Governor,
    calibrate,
)
from chatbot.llama import LoadedModel

ROOT = Path(__file__).resolve().parent.parent
CALIBRATION = Calibration(
    threads=2,
    flash_attention=True,
    decode_seconds={1: 0.012, 2: 0.009},
    block_seconds={1: 0.40, 2: 0.22},
    seconds=1.0,
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def steps(governor: Governor, seconds: float, count: int) -> int:
    for _ in range(count):
        governor.before(1)
        governor.decoded(seconds)
    return governor.threads


def test_a_quiet_machine_keeps_its_threads() -> None:
    governor = Governor(CALIBRATION, clock=Clock())
    assert steps(governor, 0.009, 100) == 2
    assert steps(governor, 0.013, 100) == 2, "1.4 times as long is a longer context"
    assert steps(governor, 0.2, 1) == 2, "one slow step is no sign"


def test_steps_that_are_held_up_cost_a_thread_within_a_window() -> None:
    governor = Governor(CALIBRATION, clock=Clock())
    assert steps(governor, 0.02, WINDOW - 1) == 2
    assert steps(governor, 0.02, 1) == 1
    assert steps(governor, 0.5, 100) == 1, "one is the least"


def test_two_steps_that_take_ten_times_as_long_are_enough() -> None:
    governor = Governor(CALIBRATION, clock=Clock())
    assert steps(governor, 0.2, 2) == 1


def test_a_held_up_block_of_a_prompt_costs_a_thread_at_once() -> None:
    governor = Governor(CALIBRATION, clock=Clock())
    assert governor.before(128) == 2
    governor.prefilled(128, 0.5)
    assert governor.before(128) == 1


def test_the_lost_thread_is_tried_again_and_kept_when_the_machine_is_quiet() -> None:
    clock = Clock()
    governor = Governor(CALIBRATION, clock=clock)
    steps(governor, 0.02, WINDOW)
    clock.now += PROBE_SECONDS - 0.1
    assert governor.before(1) == 1
    clock.now += 0.2
    assert governor.before(1) == 2
    assert steps(governor, 0.009, 50) == 2


def test_each_failed_trial_doubles_the_wait() -> None:
    clock = Clock()
    governor = Governor(CALIBRATION, clock=clock)
    waits = []
    for _ in range(8):
        steps(governor, 0.3, 2)
        assert governor.threads == 1
        began = clock.now
        while governor.before(1) == 1:
            clock.now += 0.5
        waits.append(clock.now - began)
    assert waits[0] == pytest.approx(PROBE_SECONDS)
    assert waits == sorted(waits)
    assert waits[-1] == pytest.approx(MOST_PROBE_SECONDS)


def test_more_threads_are_not_tried_with_a_whole_block_before_long() -> None:
    clock = Clock()
    governor = Governor(CALIBRATION, clock=clock)
    governor.prefilled(256, 1.0)
    clock.now += PROBE_SECONDS + 1
    assert governor.before(128) == 1
    clock.now += MOST_PROBE_SECONDS
    assert governor.before(128) == 2


def test_a_calibration_made_on_a_busy_machine_is_corrected() -> None:
    busy = Calibration(
        threads=2,
        flash_attention=True,
        decode_seconds={1: 0.030},
        block_seconds={},
        seconds=1.0,
    )
    governor = Governor(busy, clock=Clock())
    steps(governor, 0.009, WINDOW)
    assert governor.threads == 2
    assert steps(governor, 0.04, WINDOW) == 1


def test_a_slow_step_keeps_its_threads_where_fewer_would_be_slower() -> None:
    governor = Governor(CALIBRATION, clock=Clock())
    governor.prefilled(128, 0.38)
    assert governor.threads == 2, "1.7 times as long, and one thread takes longer still"
    governor.prefilled(128, 0.42)
    assert governor.threads == 1


@pytest.mark.model
def test_what_is_stored_is_read_and_belongs_to_one_model(tmp_path: Path) -> None:
    model = LoadedModel(ROOT / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf")
    try:
        first = calibrate(model, "one", tmp_path, stop=lambda: False)
        assert first.decode_seconds[1] > 0
        for path in tmp_path.glob("*.json"):  # stored only if the machine was quiet
            row = json.loads(path.read_text())
            path.write_text(json.dumps(row | {"threads": 77}))
            assert calibrate(model, "one", tmp_path, stop=lambda: False).threads == 77
            path.write_text("{")
        again = calibrate(model, "one", tmp_path, stop=lambda: False)
        other = calibrate(model, "other", tmp_path, stop=lambda: False)
    finally:
        model.close()
    assert again.threads != 77
    assert other.threads != 77
