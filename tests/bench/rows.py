"""All rows by name, in the order of the table."""

from __future__ import annotations

from collections.abc import Callable

from common import Bench
from measured import Row
from rows_answer import around, conversation, first_question, restart
from rows_documents import ingest, one_changed, start
from rows_engine import busy, decode, prefill
from rows_guards import memory, quality

ROWS: dict[str, Callable[[Bench], list[Row]]] = {
    "prefill": prefill,
    "decode": decode,
    "busy": busy,
    "start": start,
    "ingest": ingest,
    "one-changed": one_changed,
    "around": around,
    "restart": restart,
    "first-question": first_question,
    "conversation": conversation,
    "memory": memory,
    "quality": quality,
}
