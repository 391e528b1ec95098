"""Keys and values of prompts that come again, in memory and on disk.

A state is only ever put back under the very tokens it was computed from, cut at a border at which
the computation was cut too (`Prompt.borders`), so that an answer with reuse is the answer without.
Files belong to one model file, library version and way of running, all part of their names; they
hold a digest of their content in the name too, because llama.cpp does not check what it reads.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chatbot.calibration import BLOCK, LONG_BLOCK
from chatbot.llama import Context

MEMORY_BYTES = 16 << 20
"""States kept in memory: 700 tokens of the default model, 120 of an 8B one."""
DISK_BYTES = 256 << 20
"""States kept on disk, of all models together."""


class Prompt(list[int]):
    """Token ids of a conversation. The first `fixed` of them are the same for every question."""

    fixed: int = 0
    closing: int = 0
    """Where the part that is asked begins, behind the evidence; 0 if nothing tells."""

    @property
    def borders(self) -> list[int]:
        """Where a prefill of this prompt is cut, the end of the prompt excluded.

        After the fixed part, then every so many tokens, and behind the evidence, whatever is
        already there, because the size of a step decides how sums are rounded.
        """
        steps = range(self.fixed + LONG_BLOCK, len(self), LONG_BLOCK)
        found = {self.fixed, self.fixed + BLOCK, self.closing, *steps}
        return sorted(border for border in found if 0 < border < len(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a context held after a prompt's last border."""

    tokens: tuple[int, ...]
    borders: tuple[int, ...]
    data: bytes

    def shared(self, prompt: Prompt) -> int:
        """Tokens of the prompt that this state can stand for."""
        return shared(self.tokens, self.borders, prompt)


def shared(tokens: Sequence[int], borders: Sequence[int], prompt: Prompt) -> int:
    """Tokens up to the last border that both have, with everything before it the same."""
    count = 0
    for ours, theirs in zip(borders, prompt.borders, strict=False):
        if ours != theirs or list(tokens[count:ours]) != prompt[count:ours]:
            break
        count = ours
    return count


class PrefixStates:
    """The states of one context; not safe to use from two threads at once."""

    def __init__(self, folder: Path | None, identity: Sequence[object]) -> None:
        """Keep files in `folder` (None: keep none).

        Args:
            folder: made if missing, for its owner only.
            identity: everything that decides what a state looks like besides its tokens.
        """
        self._folder = folder
        self._identity = json.dumps([str(part) for part in identity])
        self._states: OrderedDict[tuple[int, ...], State] = OrderedDict()

    def best(self, prompt: Prompt) -> tuple[State, int] | None:
        """The state in memory that shares most with a prompt, and how many tokens."""
        best = max(self._states.values(), key=lambda state: state.shared(prompt), default=None)
        if best is None or not (count := best.shared(prompt)):
            return None
        self._states.move_to_end(best.tokens)
        return best, count

    def keep(self, state: State) -> None:
        """Keep a state in memory; the least recently used leave when there are too many bytes."""
        self._states[state.tokens] = state
        self._states.move_to_end(state.tokens)
        while len(self._states) > 1 and self.bytes > MEMORY_BYTES:
            self._states.popitem(last=False)

    @property
    def bytes(self) -> int:
        """Memory that the states take."""
        return sum(len(state.data) for state in self._states.values())

    def load(self, context: Context, prompt: Prompt, beyond: int) -> int:
        """Put the longest stored prefix of a prompt into the context; a damaged file is removed.

        Returns:
            Its length, or 0 if none is longer than `beyond` tokens; the context is then as it was
            or, after a damaged file, empty.
        """
        if self._folder is None or not _is_private(self._folder):
            return 0
        for border in reversed([border for border in prompt.borders if border > beyond]):
            for path in self._folder.glob(f"prefix-{self._key(prompt, border)}-*.state"):
                with contextlib.suppress(OSError):
                    whole = _digest(path) == path.stem.rpartition("-")[2]
                    if whole and context.load(path, prompt[:border]):
                        os.utime(path)
                        return border
                    path.unlink()
        return 0

    def save(self, context: Context, prompt: Prompt, border: int) -> None:
        """Store what the context holds, a prompt up to a border, whole or not at all."""
        if self._folder is None:
            return
        key = self._key(prompt, border)
        if next(self._folder.glob(f"prefix-{key}-*.state"), None):
            return
        part = ""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_private(self._folder):
                return
            handle, part = tempfile.mkstemp(dir=self._folder, suffix=".part")
            os.close(handle)
            if context.save(Path(part), prompt[:border]):
                os.replace(part, self._folder / f"prefix-{key}-{_digest(Path(part))}.state")
                self._make_room()
        except OSError:  # a full disk or a read-only folder: computed again next time
            pass
        finally:
            if part:
                Path(part).unlink(missing_ok=True)

    def _key(self, prompt: Prompt, border: int) -> str:
        text = f"{self._identity} {prompt.fixed} {prompt[:border]}"
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def _make_room(self) -> None:
        """Remove the files that were used longest ago, beyond the budget."""
        assert self._folder is not None
        files = [(path.stat(), path) for path in self._folder.glob("prefix-*.state")]
        used = sum(status.st_size for status, _ in files)
        for status, path in sorted(files, key=lambda item: item[0].st_mtime_ns):
            if used <= DISK_BYTES:
                return
            path.unlink(missing_ok=True)
            used -= status.st_size


def _is_private(folder: Path) -> bool:
    """The folder is ours and nobody else can write to it: a state is read as it is."""
    try:
        status = folder.stat()
    except OSError:
        return False
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:24]
