"""What a run is recorded with: commit, versions, machine, and the memory that it took."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from chatbot.config import PROJECT_ROOT

_PACKAGES = ("numpy", "ir-measures", "sacrebleu", "scipy")
"""What scores depend on; the chatbot itself says what answers depend on."""


def source_state() -> dict[str, Any]:
    """Commit and whether files differ from it; both None outside a repository."""
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain") if commit else None
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *words],
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that a score depends on."""
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


def machine() -> dict[str, Any]:
    """Processor, cores that this process may use, memory in bytes and operating system."""
    name = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        match = re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text(encoding="utf-8"))
        name = match[1] if match else name
    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "processor": name,
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
        "memory_bytes": _memory_bytes(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):
        return None


def peak_memory_bytes() -> int:
    """Most memory that this process and its living children held at once, at most, in bytes.

    The sum of each one's peak where /proc tells it (Linux); otherwise this process's alone;
    0 where it cannot be known.
    """
    if sys.platform == "win32":  # has no such figure without further libraries
        return 0
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    try:
        return own + sum(_peak(child) for child in children.read_text(encoding="ascii").split())
    except OSError:
        return own


def _peak(process: str) -> int:
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:  # it ended in between
        return 0
    match = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(match[1]) * 1024 if match else 0
