"""A GGUF of a few kilobytes: llama architecture, random weights, one token a byte.

Written by hand from the format's description (ggml/docs/gguf.md), so that the tests need no
further package.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

_UINT32, _FLOAT32, _STRING, _ARRAY, _INT32 = 4, 6, 8, 9, 5
_ALIGNMENT = 32


def write(path: Path, *, width: int = 64, layers: int = 2, seed: int = 7) -> Path:
    """Write the file; the same arguments give the same bytes."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    kinds = [2, 3, 3, *([6] * 256)]
    metadata: list[tuple[str, int, Any]] = [
        ("general.architecture", _STRING, "llama"),
        ("general.name", _STRING, "tiny"),
        ("general.file_type", _UINT32, 0),
        ("llama.context_length", _UINT32, 512),
        ("llama.embedding_length", _UINT32, width),
        ("llama.block_count", _UINT32, layers),
        ("llama.feed_forward_length", _UINT32, 2 * width),
        ("llama.attention.head_count", _UINT32, 4),
        ("llama.attention.head_count_kv", _UINT32, 2),
        ("llama.rope.dimension_count", _UINT32, width // 4),
        ("llama.attention.layer_norm_rms_epsilon", _FLOAT32, 1e-5),
        ("llama.vocab_size", _UINT32, len(tokens)),
        ("tokenizer.ggml.model", _STRING, "llama"),
        ("tokenizer.ggml.tokens", _ARRAY, (_STRING, tokens)),
        ("tokenizer.ggml.scores", _ARRAY, (_FLOAT32, [0.0] * len(tokens))),
        ("tokenizer.ggml.token_type", _ARRAY, (_INT32, kinds)),
        ("tokenizer.ggml.bos_token_id", _UINT32, 1),
        ("tokenizer.ggml.eos_token_id", _UINT32, 2),
        ("tokenizer.ggml.unknown_token_id", _UINT32, 0),
    ]
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (len(tokens), width)}
    for layer in range(layers):
        shapes |= {
            f"blk.{layer}.{name}.weight": shape
            for name, shape in {
                "attn_norm": (width,),
                "attn_q": (width, width),
                "attn_k": (width // 2, width),
                "attn_v": (width // 2, width),
                "attn_output": (width, width),
                "ffn_norm": (width,),
                "ffn_gate": (2 * width, width),
                "ffn_up": (2 * width, width),
                "ffn_down": (width, 2 * width),
            }.items()
        }
    shapes |= {"output_norm.weight": (width,), "output.weight": (len(tokens), width)}
    random = np.random.default_rng(seed)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(metadata))
    for key, kind, value in metadata:
        head += _text(key) + struct.pack("<I", kind) + _value(kind, value)
    data = b""
    for name, shape in shapes.items():
        head += _text(name) + struct.pack("<I", len(shape))
        head += b"".join(struct.pack("<Q", size) for size in reversed(shape))
        head += struct.pack("<IQ", 0, len(data))
        weights = np.ones(shape) if "norm" in name else random.normal(0, 0.3, shape)
        data += weights.astype("<f4").tobytes()
        data += b"\0" * (-len(data) % _ALIGNMENT)
    path.write_bytes(head + b"\0" * (-len(head) % _ALIGNMENT) + data)
    return path


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(kind: int, value: Any) -> bytes:
    if kind == _ARRAY:
        item, values = value
        head = struct.pack("<IQ", item, len(values))
        return head + b"".join(_value(item, each) for each in values)
    if kind == _STRING:
        return _text(value)
    return struct.pack({_UINT32: "<I", _FLOAT32: "<f", _INT32: "<i"}[kind], value)
