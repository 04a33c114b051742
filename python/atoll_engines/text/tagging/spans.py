"""Marked places in texts: read from a column, as tags of words and back (IOB2: Ramshaw and Marcus 1995, Tjong Kim Sang 2002)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from atoll_engines.errors import BadInput
from atoll_engines.text.tagging.words import Word

OUTSIDE = "O"
MOST_LABELS = 200


@dataclass(frozen=True, order=True)
class Span:
    """Characters `start` to before `end` are a `label`."""

    start: int
    end: int
    label: str


def read_spans(value: Any, text: str, column: str, row: int) -> list[Span]:
    """The spans of a row: a JSON list of `{ "start", "end", "label" }`, in order; what cannot be one is refused with its row."""

    def refuse(why: str) -> BadInput:
        return BadInput(f'Row {row}, column "{column}": {why}', column=column, row=row)

    try:
        given = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise refuse(f'the spans are not valid JSON: {error}. Write [{{"start": 0, "end": 5, "label": "person"}}].') from error
    if not isinstance(given, list):
        raise refuse('spans are a JSON list of { "start", "end", "label" }, [] where there are none.')
    spans = []
    for one in given:
        if not isinstance(one, dict) or not isinstance(one.get("label"), str) or not one["label"]:
            raise refuse(f"a span must have a label in words, and this one has not: {json.dumps(one)[:100]}.")
        start, end = one.get("start"), one.get("end")
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
            raise refuse(f'the span "{one["label"]}" goes from {start} to {end}, but the text has {len(text)} characters.')
        spans.append(Span(start, end, one["label"]))
    spans.sort()
    for left, right in zip(spans, spans[1:], strict=False):
        if right.start < left.end:
            raise refuse(f'the spans "{left.label}" ({left.start}) and "{right.label}" ({right.start}) overlap; a word has one label.')
    return spans


def tag_names(labels: Sequence[str]) -> list[str]:
    return [OUTSIDE, *(f"{place}-{label}" for label in labels for place in "BI")]


def tags_of(spans: Sequence[Span], words: Sequence[Word], labels: Sequence[str]) -> np.ndarray:
    """The tag of each word as a number: 0 outside, then begin and inside of each label. A word that a span touches belongs to it."""
    numbers = {label: number for number, label in enumerate(labels)}
    tags = np.zeros(len(words), np.int64)
    for span in spans:
        inside = [place for place, (start, end) in enumerate(words) if start < span.end and end > span.start]
        for order, place in enumerate(inside):
            tags[place] = 1 + 2 * numbers[span.label] + (order > 0)
    return tags


def spans_of(tags: Sequence[int], words: Sequence[Word], labels: Sequence[str]) -> list[Span]:
    """The spans that tags say. An inside tag that continues nothing begins a span, as in the CoNLL scorer."""
    spans: list[Span] = []
    open_label: str | None = None
    for tag, (start, end) in zip(tags, words, strict=True):
        if tag == 0:
            open_label = None
            continue
        label = labels[(int(tag) - 1) // 2]
        if int(tag) % 2 == 0 and label == open_label:
            spans[-1] = Span(spans[-1].start, end, label)
        else:
            spans.append(Span(start, end, label))
        open_label = label
    return spans
