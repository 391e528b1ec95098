"""What a row measured, and the table of them."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Row:
    what: str
    against: str
    ours: Sequence[float]
    theirs: Sequence[float]
    unit: str
    reach: float
    """The ratio theirs/ours (ours/theirs for a rate) to be reached."""
    limit: float | None = None
    """Most that our median may be, in the unit."""
    rate: bool = False
    """More is better."""
    most: bool = False
    """The ratio is ours/theirs and must not be above `reach`."""
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        pairs = zip(self.ours, self.theirs, strict=True)
        if self.rate or self.most:
            return [ours / theirs for ours, theirs in pairs]
        return [theirs / ours for ours, theirs in pairs]

    @property
    def reached(self) -> bool:
        ratio = median(self.ratios)
        good = ratio <= self.reach if self.most else ratio >= self.reach
        return good and (self.limit is None or median(self.ours) <= self.limit)

    def line(self) -> str:
        low, high = min(self.ratios), max(self.ratios)
        return (
            f"{self.what} | {self.against}: {median(self.ratios):.3g} × ({low:.3g} to {high:.3g}), "
            f"reach {self.reach:g}: {_span(self.ours, self.unit)} against "
            f"{_span(self.theirs, self.unit)} {self.note}{'' if self.reached else ' NOT REACHED'}"
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "what": self.what, "against": self.against, "unit": self.unit, "reach": self.reach,
            "ratio": round(median(self.ratios), 4), "ratios": [round(r, 4) for r in self.ratios],
            "ours": [round(v, 6) for v in self.ours], "theirs": [round(v, 6) for v in self.theirs],
            "limit": self.limit, "reached": self.reached, "note": self.note,
        }  # fmt: skip


def table(rows: Sequence[Row]) -> Table:
    made = Table("what", "ours", "against", "theirs", "ratio (least to most)", "reach", "")
    for row in rows:
        sign = "≤" if row.most else "≥"
        limit = f", ≤ {row.limit:g} {row.unit}" if row.limit is not None else ""
        made.add_row(
            row.what + (f" ({row.note})" if row.note else ""),
            _span(row.ours, row.unit),
            row.against,
            _span(row.theirs, row.unit),
            f"{median(row.ratios):.3g} ({min(row.ratios):.3g} to {max(row.ratios):.3g})",
            f"{sign} {row.reach:g}{limit}",
            "yes" if row.reached else "NO",
        )
    return made


def machine() -> str:
    name = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if os.name == "posix" else ():
        if line.startswith("model name"):
            name = line.partition(":")[2].strip()
            break
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{os.cpu_count()} × {name}, load of the last 1, 5, 15 minutes {load}"


def _span(values: Sequence[float], unit: str) -> str:
    middle = f"{median(values):.3g} {unit}"
    return middle if len(values) < 2 else f"{middle} ({min(values):.3g} to {max(values):.3g})"
