"""The rows of a table as texts, prompts with completions, chats, or pairs of answers of which one is preferred."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from atoll_engines.contract import Report
from atoll_engines.errors import BadInput, what_exists
from atoll_engines.tabular.data import TableFiles, read_frame

WORDS = ("text", "category", "id")
# A table is what its columns say; the first that fits is taken.
FORMS: dict[str, tuple[str, ...]] = {
    "preference": ("chosen", "rejected"),
    "chat": ("messages",),
    "completion": ("prompt", "completion"),
    "choice": ("prompt", "choices"),
    "text": ("text",),
}
ROLES = ("system", "developer", "user", "assistant", "tool")
Messages = tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Record:
    """One row. `prompt` is a text or the messages before the answer; answers are texts, or the messages that follow."""

    row: int
    text: str | None = None
    prompt: str | Messages | None = None
    completion: str | Messages | None = None
    rejected: str | Messages | None = None
    choices: tuple[str, ...] = ()
    answer: int | None = None

    @property
    def is_chat(self) -> bool:
        return isinstance(self.prompt, tuple) or isinstance(self.completion, tuple)


@dataclass(frozen=True)
class Records:
    """The rows of a table that can be used, and which columns they were made of."""

    form: str
    rows: tuple[Record, ...]
    columns: dict[str, str]

    @property
    def is_chat(self) -> bool:
        return any(one.is_chat for one in self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def read_records(table: TableFiles, named: dict[str, str], report: Report | None = None) -> Records:
    """Read and check every row; an empty one is left out and counted, a broken one is refused with its number."""
    form, columns = form_of(table, named)
    frame = read_frame(table, list(columns.values()))
    found: list[Record] = []
    empty: list[int] = []
    for row, cells in cells_of(frame, columns):
        record = READERS[form](row, cells, columns)
        if record is None:
            empty.append(row)
        else:
            found.append(record)
    if not found:
        raise BadInput(f"No row of the table has a {' and a '.join(FORMS[form])}; there is nothing to learn from.", columns=list(columns))
    if empty and report:
        report.warning(
            "empty_rows", f"{len(empty)} rows are empty and are left out, the first is row {empty[0]}.", rows=len(empty), row=empty[0]
        )
    return Records(form, tuple(found), columns)


def form_of(table: TableFiles, named: dict[str, str]) -> tuple[str, dict[str, str]]:
    """What the rows are, from the names of the columns; a role is told its column by an option (`promptColumn`)."""
    there = {column.name: column for column in table.columns}
    roles = {option.removesuffix("Column"): name for option, name in named.items()}
    for role, name in roles.items():
        if name not in there:
            raise BadInput(f'There is no column "{name}". {what_exists(name, there)}', parameter=f"options.{role}Column", column=name)
    by_role = {role: role for roles_of in FORMS.values() for role in roles_of if role in there} | roles
    for form, wanted in FORMS.items():
        if all(role in by_role for role in wanted) and (not roles or set(roles) & set(wanted) or form == "preference"):
            also = [role for role in ("prompt", "choices", "answer") if role in by_role or role in there]
            columns = {role: by_role.get(role, role) for role in dict.fromkeys([*wanted, *also])}
            for role, name in columns.items():
                if there[name].type not in WORDS and role != "answer":
                    raise BadInput(f'Column "{name}" is of type {there[name].type}, not text.', column=name)
            return form, columns
    texts = [name for name, column in there.items() if column.type == "text"]
    if len(texts) == 1 and not roles:
        return "text", {"text": texts[0]}
    raise BadInput(
        "The table must have a column text; or prompt and completion; or messages; or prompt, chosen and rejected. "
        f"It has: {', '.join(there)}. Rename columns, or name them (options.textColumn, options.promptColumn …).",
        parameter="options.textColumn",
    )


def cells_of(frame: pd.DataFrame, columns: dict[str, str]) -> Iterator[tuple[int, dict[str, Any]]]:
    names = list(columns)
    lists = [frame[columns[name]].tolist() for name in names]
    for row, values in zip(frame.index.tolist(), zip(*lists, strict=True), strict=True):
        yield int(row), {name: None if value is None or value != value else value for name, value in zip(names, values, strict=True)}


def read_text(row: int, cells: dict[str, Any], columns: dict[str, str]) -> Record | None:
    text = cells["text"]
    return Record(row, text=str(text)) if text and str(text).strip() else None


def read_completion(row: int, cells: dict[str, Any], columns: dict[str, str]) -> Record | None:
    prompt, completion = cells["prompt"], cells["completion"]
    if not prompt and not completion:
        return None
    if not completion:
        raise BadInput(f"Row {row} has a prompt, but no completion to learn.", row=row, column=columns["completion"])
    choices, answer = read_choices(row, cells, columns)
    return Record(row, prompt=either(prompt or "", row, columns["prompt"]), completion=str(completion), choices=choices, answer=answer)


def read_chat(row: int, cells: dict[str, Any], columns: dict[str, str]) -> Record | None:
    if not cells["messages"]:
        return None
    messages = read_messages(str(cells["messages"]), row, columns["messages"])
    last = max((at for at, one in enumerate(messages) if one["role"] == "assistant"), default=None)
    if last is None:
        raise BadInput(
            f'Row {row}, column "{columns["messages"]}": there is no message of the role assistant, so there is nothing to learn.',
            row=row, column=columns["messages"],
        )  # fmt: skip
    choices, answer = read_choices(row, cells, columns)
    return Record(row, prompt=messages[:last], completion=(messages[last],), choices=choices, answer=answer)


def read_preference(row: int, cells: dict[str, Any], columns: dict[str, str]) -> Record | None:
    chosen, rejected = cells["chosen"], cells["rejected"]
    if not chosen and not rejected:
        return None
    for role, value in (("chosen", chosen), ("rejected", rejected)):
        if not value:
            raise BadInput(f"Row {row} has no answer in the column {columns[role]}; a pair needs both.", row=row, column=columns[role])
    prompt = either(cells.get("prompt") or "", row, columns.get("prompt", "prompt"))
    better, worse = (either(value, row, columns[role]) for role, value in (("chosen", chosen), ("rejected", rejected)))
    if isinstance(better, tuple) != isinstance(worse, tuple):
        raise BadInput(f"Row {row}: one answer is a list of messages, the other a text.", row=row, column=columns["chosen"])
    if isinstance(better, tuple):
        shared = 0
        while shared < min(len(better), len(worse)) - 1 and better[shared] == worse[shared]:
            shared += 1
        lead = prompt if isinstance(prompt, tuple) else (({"role": "user", "content": prompt},) if prompt and not shared else ())
        prompt, better, worse = (*lead, *better[:shared]), better[shared:], worse[shared:]
    elif isinstance(prompt, tuple):
        better, worse = (({"role": "assistant", "content": answer},) for answer in (better, worse))
    if better == worse:
        raise BadInput(f"Row {row}: the chosen and the rejected answer are the same.", row=row, column=columns["chosen"])
    return Record(row, prompt=prompt, completion=better, rejected=worse)


def read_choice(row: int, cells: dict[str, Any], columns: dict[str, str]) -> Record | None:
    if not cells["prompt"]:
        return None
    choices, answer = read_choices(row, cells, columns)
    completion = choices[answer] if answer is not None and choices else None
    if completion is None:
        return None
    return Record(row, prompt=either(cells["prompt"], row, columns["prompt"]), completion=completion, choices=choices, answer=answer)


READERS = {
    "text": read_text, "completion": read_completion, "chat": read_chat, "preference": read_preference, "choice": read_choice,
}  # fmt: skip


def either(cell: Any, row: int, column: str) -> str | Messages:
    """A text, or the messages that a cell of JSON holds."""
    text = str(cell)
    return read_messages(text, row, column) if looks_like_messages(text) else text


def looks_like_messages(text: str) -> bool:
    head = text.lstrip()[:200]
    return head.startswith("[") and '"role"' in text


def read_messages(text: str, row: int, column: str) -> Messages:
    """`[{"role": "user", "content": "…"}, …]`, checked message by message."""
    where = f'Row {row}, column "{column}"'

    def refuse(what: str) -> BadInput:
        return BadInput(f"{where}: {what}", row=row, column=column)

    try:
        messages = json.loads(text)
    except ValueError as error:
        raise refuse(f"the messages are not valid JSON: {error}.") from error
    if not isinstance(messages, list) or not messages:
        raise refuse('the messages must be a list such as [{"role": "user", "content": "…"}, …].')
    read = []
    for at, one in enumerate(messages, 1):
        if not isinstance(one, dict):
            raise refuse(f"message {at} is not an object with role and content.")
        # A column of records holds null for what a record lacks.
        kept = {name: value for name, value in one.items() if value is not None}
        if kept.get("role") not in ROLES:
            raise refuse(f"message {at} has the role {kept.get('role')!r}; roles are {', '.join(ROLES)}.")
        if not isinstance(kept.get("content", ""), str):
            raise refuse(f"message {at} has content that is not text.")
        read.append({"content": "", **kept})
    return tuple(read)


def read_choices(row: int, cells: dict[str, Any], columns: dict[str, str]) -> tuple[tuple[str, ...], int | None]:
    """The choices of a question and which of them is right: its number from 0, its letter, or its words."""
    if not cells.get("choices"):
        return (), None
    column = columns["choices"]
    try:
        choices = json.loads(str(cells["choices"]))
    except ValueError:
        choices = None
    if not isinstance(choices, list) or len(choices) < 2 or not all(isinstance(one, str) and one for one in choices):
        raise BadInput(f'Row {row}, column "{column}": choices must be a JSON list of at least two texts.', row=row, column=column)
    answer = cells.get("answer")
    if answer is None:
        raise BadInput(f"Row {row} has choices, but no answer.", row=row, column=columns.get("answer", "answer"))
    return tuple(choices), answer_of(answer, choices, row, columns.get("answer", "answer"))


def answer_of(answer: Any, choices: Sequence[str], row: int, column: str) -> int:
    word = str(answer).strip()
    if word in choices:
        return choices.index(word)
    number = word.removesuffix(".0")
    if number.isdigit() and int(number) < len(choices):
        return int(number)
    if len(word) == 1 and 0 <= ord(word.upper()) - ord("A") < len(choices):
        return ord(word.upper()) - ord("A")
    raise BadInput(
        f'Row {row}, column "{column}": "{word[:60]}" is none of the choices, nor the number or letter of one.', row=row, column=column
    )
