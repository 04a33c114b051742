"""Weights in the number formats of GGUF, with the arithmetic of ggml's reference code."""

from __future__ import annotations

import numpy as np

BLOCK = 32
# Number formats of tensors, and of files ("mostly …").
TENSOR_TYPES = {"f32": 0, "f16": 1, "q4_0": 2, "q8_0": 8}
FILE_TYPES = {"f32": 0, "f16": 1, "q4_0": 2, "q8_0": 7}


def encode(values: np.ndarray, level: str) -> bytes:
    """A tensor's bytes; rows of quantised ones are whole blocks."""
    values = np.ascontiguousarray(values, np.float32)
    if level == "f32":
        return values.astype("<f4").tobytes()
    if level == "f16":
        return values.astype("<f2").tobytes()
    blocks = values.reshape(-1, BLOCK)
    return q8_0(blocks).tobytes() if level == "q8_0" else q4_0(blocks).tobytes()


def decoded(values: np.ndarray, level: str) -> np.ndarray:
    """What a reader makes of an encoded tensor, in float32."""
    values = np.ascontiguousarray(values, np.float32)
    if level == "f32":
        return values
    if level == "f16":
        return values.astype(np.float16).astype(np.float32)
    blocks = values.reshape(-1, BLOCK)
    raw = q8_0(blocks) if level == "q8_0" else q4_0(blocks)
    scale = raw[:, :2].copy().view("<f2").astype(np.float32)
    if level == "q8_0":
        return (raw[:, 2:].copy().view(np.int8).astype(np.float32) * scale).reshape(values.shape)
    low, high = raw[:, 2:] & 15, raw[:, 2:] >> 4
    return ((np.concatenate([low, high], axis=1).astype(np.float32) - 8) * scale).reshape(values.shape)


def q8_0(blocks: np.ndarray) -> np.ndarray:
    """32 numbers as a half-precision scale and a signed byte each (quantize_row_q8_0_ref)."""
    scale = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    quants = rounded(blocks * inverse(scale)).astype(np.int8)
    return np.concatenate([scale.astype("<f2").view(np.uint8), quants.view(np.uint8)], axis=1)


def q4_0(blocks: np.ndarray) -> np.ndarray:
    """32 numbers as a half-precision scale and four bits each (quantize_row_q4_0_ref): the largest becomes -8."""
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=1, keepdims=True), axis=1)
    scale = largest / np.float32(-8)
    quants = np.minimum((blocks * inverse(scale) + np.float32(8.5)).astype(np.int8), 15).astype(np.uint8)
    half = BLOCK // 2
    return np.concatenate([scale.astype("<f2").view(np.uint8), quants[:, :half] | (quants[:, half:] << 4)], axis=1)


def inverse(scale: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.where(scale == 0, np.float32(0), np.float32(1) / scale).astype(np.float32)


def rounded(values: np.ndarray) -> np.ndarray:
    """To the nearest, halves away from zero, as C's roundf."""
    whole = np.floor(np.abs(values))
    return np.sign(values) * (whole + np.floor(2 * (np.abs(values) - whole)))
