"""Arrays that are kept in a file because making them takes long. Losing one costs only time."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


def read_arrays(file: Path, key: str) -> Arrays | None:
    """What was written under that key; None where the file is missing, damaged or of another."""
    try:
        with np.load(file, allow_pickle=False) as held:
            if str(held["key"]) == key:
                return {name: held[name] for name in held.files}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        pass
    return None


def kept_arrays(file: Path, key: str, make: Callable[[], Arrays]) -> Arrays:
    """What was written under that key, or what is made now, which is then kept there."""
    held = read_arrays(file, key)
    if held is None:
        held = make()
        write_arrays(file, key, **held)
    return held


def write_arrays(file: Path, key: str, **arrays: NDArray[Any]) -> None:
    """Write the arrays aside and put them in place; on a full disk nothing is kept."""
    aside = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        with aside.open("wb") as opened:
            np.savez(opened, key=np.array(key), **arrays)  # type: ignore[arg-type]
        os.replace(aside, file)
    except OSError:
        aside.unlink(missing_ok=True)
