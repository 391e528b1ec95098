"""Converting a model file to a quantization that the processor computes faster.

llama.cpp has no fast kernels for Q4_1, Q5_0 and Q5_1, the first of which the default model comes
in: it multiplies Q8_0 2.2 times as fast. Eight bits hold what five bits said, so almost nothing
is lost, which is measured for each converted file before it is used. The original stays.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from chatbot.errors import ModelFileError
from chatbot.llama import FILE_TYPES, LIBRARY, Context, LoadedModel, quantize
from chatbot.models import Model, check_file, checksum, converted_path

SLOW_TYPES = frozenset({3, 8, 9})
"""Q4_1, Q5_0, Q5_1: no repacked kernel in ggml-cpu (read from its symbols)."""
FAST_TYPE = 7
"""Q8_0. Q4_0 would be faster still and is not the same model any more: KL 0.29 against 0.006."""
MOST_DIVERGENCE = 0.01
"""Nats a token, original against converted, averaged over the text below."""
_GROWTH = 2.2
"""Most that a file grows by: 8.5 bits a weight instead of 5 or more, with a reserve."""
_TEXT = (
    "A library lends books and keeps records of them. In 1998 the town council decided to build "
    "a new one beside the river, on a site that had been a timber yard for ninety years. The "
    "architect, Anna Lindqvist, drew a long low house of brick with a glass roof, so that readers "
    "would sit in daylight even in November. Work began in March 2001 and cost 4.7 million euros, "
    "of which the region paid a third. Since then the number of visitors has doubled: 212,000 "
    "people came last year, most of them for the newspapers, the children's room and the evening "
    "classes. La bibliothèque possède aussi un fonds de cartes anciennes, que des chercheurs "
    "viennent consulter de toute l'Europe. How do you renew a loan? Ask at the desk, or send a "
    "letter before the date that is stamped on the card. The rules are simple. First, return "
    "what you borrowed. Second, keep it dry. Third, tell us if a page is torn, because we can "
    "mend it. The staff of eleven has written down what they learned in a small guide, which "
    "other towns have copied: begin with the readers, count everything twice, and never throw "
    "away a catalogue until the next one has been used for a whole winter."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """The record beside a converted file; the file counts only while this fits it."""

    original_sha256: str
    sha256: str
    """Of the converted file."""
    original_type: str
    type: str
    divergence: float
    """Measured Kullback-Leibler divergence, nats a token."""
    library: str

    def __str__(self) -> str:
        return (
            f"converted from {self.original_type} to {self.type}, which is computed faster and "
            f"differs by {self.divergence:.4f} nats a token"
        )


def find_conversion(original: Path, sha256: str) -> tuple[Path, Conversion] | None:
    """The converted form of a verified original, if there is one and its record fits.

    A converted file that is damaged, or was made from another file, is not used.
    """
    target = converted_path(original)
    try:
        record = Conversion(**json.loads(_record_path(target).read_text(encoding="utf-8")))
        if record.original_sha256 == sha256 and checksum(target) == record.sha256:
            return target, record
    except (OSError, ValueError, TypeError):
        pass
    return None


def convert(original: Path, sha256: str) -> Conversion | None:
    """Convert a model file if that makes it faster; None if it is fast as it is.

    Raises:
        ModelFileError: the disk is short, or the converted file is not the same model; the
            original is then used as it is.
    """
    known = find_conversion(original, sha256)
    if known:
        return known[1]
    file_type = _file_type(original)
    if file_type not in SLOW_TYPES:
        return None
    target = converted_path(original)
    target.parent.mkdir(exist_ok=True)
    needed = int(original.stat().st_size * _GROWTH)
    if shutil.disk_usage(target.parent).free < needed:
        raise ModelFileError(
            f"There is no room to convert {original.name}: {needed // 2**20} MB are needed.",
            "It is used as it is, at half the speed. Make room and run: chatbot models pull",
        )
    part = target.with_name(target.name + ".part")
    try:
        quantize(original, part, FAST_TYPE)
        divergence = measure_divergence(original, part)
        if not divergence <= MOST_DIVERGENCE:  # also what is no number
            raise ModelFileError(
                f"The converted {original.name} differs by {divergence:.3f} nats a token.",
                "It was thrown away; the original is used.",
            )
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    record = Conversion(
        original_sha256=sha256,
        sha256=checksum(target),
        original_type=FILE_TYPES[file_type],
        type=FILE_TYPES[FAST_TYPE],
        divergence=round(divergence, 5),
        library=LIBRARY,
    )
    _record_path(target).write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")
    return record


def convert_or_say_why(original: Path, model: Model) -> str | None:
    """Convert a pulled file; what to tell about it, None if there is nothing to convert."""
    try:
        conversion = convert(original, check_file(original, model))
    except ModelFileError as error:  # the original serves as well, only slower
        return f"not converted. {error}"
    return str(conversion) if conversion else None


def verify_conversion(original: Path, sha256: str) -> str | None:
    """What to tell about the converted form of a verified file, None if there is none.

    Raises:
        ModelFileError: it is damaged.
    """
    found = find_conversion(original, sha256)
    if found:
        return f"{found[1]}: sha256 {found[1].sha256}"
    if converted_path(original).exists():
        raise ModelFileError(
            f"The converted form of {original.name} is damaged and is not used.",
            "Run: chatbot models pull",
        )
    return None


def measure_divergence(original: Path, converted: Path) -> float:
    """Mean Kullback-Leibler divergence of the next-token distributions, nats, over a text."""
    reference, other = _log_probabilities(original), _log_probabilities(converted)
    return float((np.exp(reference) * (reference - other)).sum(axis=1).mean())


def _log_probabilities(path: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Shape (tokens, vocabulary): what the model expects after each token of the text."""
    model = LoadedModel(path)
    try:
        tokens = model.tokenize(_TEXT, special=False)
        context = Context(
            model,
            tokens=len(tokens) + 1,
            batch=len(tokens),
            threads=os.cpu_count() or 1,
            flash_attention=False,
            all_logits=True,
        )
        try:
            context.decode(tokens)
            rows = np.stack([context.logits(row).astype(np.float64) for row in range(len(tokens))])
        finally:
            context.close()
    finally:
        model.close()
    rows -= rows.max(axis=1, keepdims=True)
    rows -= np.log(np.exp(rows).sum(axis=1, keepdims=True))
    return rows


def _file_type(path: Path) -> int:
    model = LoadedModel(path, vocabulary_only=True)
    try:
        return int(model.metadata("general.file_type") or -1)
    finally:
        model.close()


def _record_path(converted: Path) -> Path:
    return converted.with_name(converted.name + ".json")
