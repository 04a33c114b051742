"""The target: what it must be for each task, and its rows as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from atoll_engines.errors import BadInput
from atoll_engines.tabular.data import Column, and_others

MOST_CLASSES = 100
POSITIVE_WORDS = ("yes", "true", "1", "y", "t", "positive", "churn", "churned", "bad", "fraud", "default")


@dataclass(frozen=True)
class Target:
    """The target's values: class numbers (int64) for a classification, float64 for a regression."""

    name: str
    values: np.ndarray
    classes: tuple[str, ...] | None

    def words(self, rows: np.ndarray) -> list[str]:
        """The class of each of these rows; of several labels a row, the list of them as JSON."""
        if self.values.ndim == 2:
            from atoll_engines.evaluation import multilabel

            return multilabel.as_words(multilabel.labels(self.values[rows], self.classes))
        return [self.classes[k] for k in self.values[rows]]

    @property
    def positive(self) -> str | None:
        """The positive class of a binary target: always the second class."""
        return self.classes[1] if self.classes and len(self.classes) == 2 else None


def read_target(column: Column, values: pd.Series, task: str, positive: object) -> Target:
    """Turn the target column, without missing values, into numbers; refuse one that cannot be learnt."""
    if task == "regression":
        return read_number_target(column, values)
    words = as_words(column, values)
    if task == "multilabel":
        from atoll_engines.evaluation import multilabel

        return Target(column.name, *multilabel.read_target(column.name, words))
    counts = words.value_counts()
    refuse_hopeless(column, words, counts, task)
    classes = sorted(counts.index, key=class_order)
    if task == "binary":
        chosen = find_positive(column.name, classes, counts, positive)
        classes = [next(one for one in classes if one != chosen), chosen]
    numbers = pd.Index(classes).get_indexer(words).astype(np.int64)
    return Target(column.name, numbers, tuple(classes))


def read_number_target(column: Column, values: pd.Series) -> Target:
    if column.type not in ("number", "integer", "boolean"):
        raise BadInput(
            f'The target "{column.name}" holds {column.type} values; a regression needs numbers. '
            "Choose a classification, or convert the column.",
            column=column.name,
        )
    numbers = values.to_numpy(np.float64)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if wrong.size:
        row = int(values.index[wrong[0]])
        raise BadInput(
            f'The target "{column.name}" is infinite in row {row}{and_others(wrong.size - 1)}.', column=column.name, row=row
        )
    if np.all(numbers == numbers[0]):
        raise BadInput(
            f'The target "{column.name}" is {numbers[0]:g} in every row; there is nothing to learn.', column=column.name
        )
    return Target(column.name, numbers, None)


def refuse_hopeless(column: Column, words: pd.Series, counts: pd.Series, task: str) -> None:
    """One sentence for each target that no classifier can learn."""
    name, distinct = column.name, len(counts)
    if distinct == 1:
        raise BadInput(
            f'The target "{name}" is "{counts.index[0]}" in every row; there is nothing to learn.', column=name
        )
    if distinct > MOST_CLASSES or (distinct > 20 and distinct > len(words) / 4):
        kind = "free text" if column.type in ("text", "category") else "many different numbers"
        help = "Choose a column with few values" + (
            "." if kind == "free text" else ", or a regression."
        )
        raise BadInput(
            f'The target "{name}" holds {kind} ({distinct} different values in {len(words)} rows), '
            f"which cannot be classes. {help}",
            column=name,
        )
    if task == "binary" and distinct != 2:
        shown = ", ".join(f'"{value}"' for value in counts.index[:4])
        raise BadInput(
            f'The target "{name}" has {distinct} classes ({shown}{", …" if distinct > 4 else ""}); '
            "a binary task needs exactly two. Choose the multiclass task, or join classes.",
            column=name,
        )
    lonely = counts[counts < 2]
    if len(lonely):
        value = lonely.index[0]
        row = int(words.index[np.flatnonzero(words.to_numpy() == value)[0]])
        raise BadInput(
            f'The class "{value}" of the target "{name}" has a single row (row {row}); each class needs at least two.',
            column=name,
            row=row,
        )


def find_positive(name: str, classes: list[str], counts: pd.Series, positive: object) -> str:
    """The positive class as asked; else a word that means yes; else the rarer one."""
    if positive is not None and positive != "":
        wanted = word(positive)
        match = next((one for one in classes if one == wanted or one.lower() == wanted.lower()), None)
        if match is None:
            raise BadInput(
                f'The positive class "{wanted}" is not in the target "{name}", which holds "{classes[0]}" and "{classes[1]}".',
                column=name,
            )
        return match
    for one in classes:
        if one.lower() in POSITIVE_WORDS:
            return one
    return str(counts.index[-1])


def as_words(column: Column, values: pd.Series) -> pd.Series:
    """Class labels as text: booleans as true and false, whole numbers without a point."""
    if column.type == "boolean":
        return values.map({0.0: "false", 1.0: "true"})
    # Each different value is put into words once: there may be millions of rows.
    codes, different = pd.factorize(values)
    labels = np.array([*(word(value) for value in different), None], dtype=object)
    return pd.Series(labels[codes], index=values.index, dtype=object)


def word(value: object) -> str:
    """One class label as text."""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def class_order(label: str) -> tuple:
    """Numbers by value, then words by spelling."""
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)
