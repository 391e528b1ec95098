"""`make bench`: how fast this is, against what, in one run with the sides in turns.

    python tests/bench/speed.py [--row NAME ...] [--list] [--json FILE]

Ratios are medians over pairs that were measured one after the other; absolute values stand
beside, so that a slow other side flatters nobody.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]


def main() -> int:
    import measured
    import rows
    from common import Bench
    from rich.console import Console

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--row", action="append", choices=list(rows.ROWS), help="only this one")
    parser.add_argument("--list", action="store_true", help="name the rows and end")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    arguments = parser.parse_args()
    if arguments.list:
        sys.stdout.write("\n".join(rows.ROWS) + "\n")
        return 0
    os.environ["ANONYMIZED_TELEMETRY"] = "False"
    out = Console(width=150, highlight=False)
    out.print(f"{measured.machine()}")
    found = []
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = Bench(Path(folder))
        try:
            for name in arguments.row or rows.ROWS:
                begun = time.perf_counter()
                try:
                    made = rows.ROWS[name](bench)
                except Exception:  # one row that fails must not cost the others
                    out.print(f"{name}: failed\n{traceback.format_exc()}", markup=False)
                    continue
                for row in made:
                    found.append(row)
                    out.print(row.line(), markup=False)
                out.print(
                    f"    ({time.perf_counter() - begun:.0f} s, load {os.getloadavg()[0]:.1f})"
                )
        finally:
            bench.close()
    out.print(measured.table(found))
    out.print(f"{time.perf_counter() - started:.0f} s in all; {measured.machine()}")
    if arguments.json:
        arguments.json.write_text(json.dumps([row.to_json() for row in found], indent=1))
    return 0 if all(row.reached for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
