"""Rows as sequences of ids: what is read, and which of it is learned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from atoll_engines.contract import Report
from atoll_engines.errors import BadInput
from atoll_engines.language.records import Messages, Record, Records
from atoll_engines.language.tokens import Tokens

# Where nothing is to be learned; what PyTorch's cross-entropy leaves out.
IGNORED = -100


@dataclass(frozen=True)
class TokenSequence:
    """Ids, and the same ids where they are learned. `row` is the row of the table that they are of."""

    row: int
    ids: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def learned(self) -> int:
        """How many tokens are learned: the first of a sequence follows nothing."""
        return int(np.count_nonzero(self.labels[1:] != IGNORED))


@dataclass(frozen=True)
class Encoder:
    """How rows become ids under one tokenizer, at most `limit` of them."""

    tokens: Tokens
    limit: int
    # Rows that were longer.
    cut: list[int] = field(default_factory=list)

    def prompt(self, prompt: str | Messages | None, row: int | None = None) -> list[int]:
        """What stands before an answer."""
        if isinstance(prompt, tuple):
            return self.tokens.rendered(self.chat(prompt, row, begins_answer=True))
        return [*self.tokens.start(), *self.tokens.plain(prompt or "")]

    def answer(self, prompt: str | Messages | None, answer: str | Messages, row: int | None = None) -> list[int]:
        """The answer and its end, as they follow the prompt."""
        if not isinstance(answer, tuple) and not isinstance(prompt, tuple):
            return [*self.tokens.plain(answer), self.tokens.ends[0]]
        messages = answer if isinstance(answer, tuple) else ({"role": "assistant", "content": answer},)
        ids, learned, _ = self.answered(prompt if isinstance(prompt, tuple) else (), messages, row)
        return ids[:learned]

    def answered(self, before: Messages, messages: Messages, row: int | None) -> tuple[list[int], int, str]:
        """What a template adds to a chat for these messages, how much of it is the assistant's, and the chat so far.

        What stands behind the end of an answer is the template's.
        """
        lead, whole = self.chat(before, row, begins_answer=True), self.chat((*before, *messages), row)
        if not whole.startswith(lead):
            raise BadInput(
                "The chat template writes a chat differently once it is answered, so what the answer is cannot be told apart. "
                "Use a template that only adds to what it wrote.",
                file="chat_template.jinja",
            )
        ids = self.tokens.rendered(whole[len(lead) :])
        last = max((at for at, one in enumerate(ids) if one in self.tokens.ends), default=None)
        return (ids, last + 1, whole) if last is not None else ([*ids, self.tokens.ends[0]], len(ids) + 1, whole)

    def chat(self, messages: Messages, row: int | None, begins_answer: bool = False) -> str:
        if self.tokens.template is None:
            raise BadInput(
                "The data are chats, but the weights came without a chat template (chat_template.jinja).", file="chat_template.jinja"
            )
        return self.tokens.template.render(messages, row, begins_answer)

    def document(self, text: str) -> list[int]:
        return [*self.tokens.start(), *self.tokens.plain(text), self.tokens.ends[0]]

    def pair(self, record: Record, answer: str | Messages | None = None) -> TokenSequence:
        """A prompt and an answer, which is learned. Of what is too long the beginning of the prompt is left out, then the answer's end."""
        answer = record.completion if answer is None else answer
        assert answer is not None
        lead = self.prompt(record.prompt, record.row)
        said = self.answer(record.prompt, answer, record.row)
        if len(lead) + len(said) > self.limit:
            self.cut.append(record.row)
            said = said[: self.limit - 1]
            lead = lead[-(self.limit - len(said)) :]
        ids = np.array([*lead, *said], np.int64)
        labels = ids.copy()
        labels[: len(lead)] = IGNORED
        return TokenSequence(record.row, ids, labels)

    def turns(self, record: Record) -> TokenSequence:
        """A whole chat, of which every answer is learned."""
        assert isinstance(record.prompt, tuple) and isinstance(record.completion, tuple)
        messages = (*record.prompt, *record.completion)
        ids: list[int] = []
        labels: list[int] = []
        written = ""
        for at, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            lead = self.chat(messages[:at], record.row, begins_answer=True)
            if not lead.startswith(written):
                # Some templates drop the thoughts of earlier answers: only the last answer is learned then.
                return self.pair(record)
            before = self.tokens.rendered(lead[len(written) :])
            said, learned, written = self.answered(messages[:at], (message,), record.row)
            ids += [*before, *said]
            labels += [*([IGNORED] * len(before)), *said[:learned], *([IGNORED] * (len(said) - learned))]
        if len(ids) > self.limit:
            return self.pair(record)
        return TokenSequence(record.row, np.array(ids, np.int64), np.array(labels, np.int64))

    def blocks(self, record: Record) -> list[TokenSequence]:
        """A document by itself, in blocks that overlap by the token that the next block is told."""
        ids = np.array(self.document(record.text or ""), np.int64)
        starts = range(0, max(1, len(ids) - 1), self.limit - 1)
        return [TokenSequence(record.row, part, part.copy()) for part in (ids[at : at + self.limit] for at in starts) if len(part) > 1]


def learned_sequences(records: Records, encoder: Encoder, report: Report | None = None) -> list[TokenSequence]:
    """Prompts with answers, and chats, one sequence each."""
    made = [encoder.turns(one) if isinstance(one.completion, tuple) else encoder.pair(one) for one in records.rows]
    warn_of_cut(encoder, report)
    return [one for one in made if one.learned]


def scored_sequences(records: Records, encoder: Encoder) -> list[TokenSequence]:
    """What a model is scored on: each document by itself; answers behind their prompts."""
    if records.form == "text":
        return [block for one in records.rows for block in encoder.blocks(one)]
    return [encoder.pair(one) for one in records.rows]


def packed(records: Records, encoder: Encoder) -> list[TokenSequence]:
    """Documents one after the other, cut into blocks of the same length, so that no place is padding; the rest makes the last block."""
    tokens = encoder.tokens
    # One end tells two documents apart where it is a beginning too.
    lead = [] if tokens.begin == tokens.ends[0] else tokens.start()
    flow = [] if lead else tokens.start()
    for record in records.rows:
        flow += [*lead, *body(record, encoder), tokens.ends[0]]
    ids = np.array(flow, np.int64)
    size = min(encoder.limit, len(ids))
    count = max(1, len(ids) // size)
    parts = [ids[at * size : (at + 1) * size] for at in range(count)]
    if len(ids) - count * size > 1:
        # The last block reaches back into the one before, whose tokens it does not learn twice.
        parts.append(ids[-size:])
    sequences = [TokenSequence(-1, part, part.copy()) for part in parts]
    if len(parts) > count:
        sequences[-1].labels[: size - (len(ids) - count * size)] = IGNORED
    return sequences


def body(record: Record, encoder: Encoder) -> list[int]:
    """Any row as the ids of one running text."""
    if record.text is not None:
        return encoder.tokens.plain(record.text)
    if record.is_chat:
        answer = record.completion if isinstance(record.completion, tuple) else ({"role": "assistant", "content": record.completion},)
        return encoder.tokens.rendered(encoder.chat((*(record.prompt or ()), *answer), record.row))
    return encoder.tokens.plain(f"{record.prompt or ''}{record.completion or ''}")


def warn_of_cut(encoder: Encoder, report: Report | None) -> None:
    rows = sorted(set(encoder.cut))
    encoder.cut.clear()
    if rows and report:
        report.warning(
            "rows_cut",
            f"{len(rows)} rows have more than {encoder.limit} tokens; the beginning of their prompts is left out (options.maxLength). "
            f"The first is row {rows[0]}.",
            rows=len(rows), row=rows[0], maxLength=encoder.limit,
        )  # fmt: skip


def padded(sequences: Iterable[TokenSequence], pad: int) -> dict[str, Any]:
    """`input_ids`, `attention_mask` and `labels` [N, L], filled behind."""
    import torch

    rows = list(sequences)
    longest = max(len(one) for one in rows)
    ids = np.full((len(rows), longest), pad, np.int64)
    labels = np.full((len(rows), longest), IGNORED, np.int64)
    mask = np.zeros((len(rows), longest), np.int64)
    for at, one in enumerate(rows):
        ids[at, : len(one)], labels[at, : len(one)], mask[at, : len(one)] = one.ids, one.labels, 1
    return {name: torch.from_numpy(value) for name, value in (("input_ids", ids), ("attention_mask", mask), ("labels", labels))}
