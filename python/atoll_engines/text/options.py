"""What a training of text may be told beside the parameters that every training knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atoll_engines.errors import BadInput
from atoll_engines.neural.plan import read_plan, refuse_unknown

OWN = (
    "column", "columns", "separator", "maxLength", "vocabulary", "weights", "freeze", "wordDropout", "synonyms", "synonymShare",
    "parityRows", "refit",
)  # fmt: skip


@dataclass(frozen=True)
class TextOptions:
    """Options with defaults; None leaves a value to the algorithm."""

    max_length: int | None
    vocabulary: int | None
    epochs: int | None
    batch_size: int | None
    learning_rate: float | None
    freeze: int
    word_dropout: float
    synonyms: dict[str, tuple[str, ...]]
    synonym_share: float
    refit: bool | None

    def overrides(self) -> dict[str, Any]:
        """Parameters of an algorithm that were fixed by an option."""
        given = {
            "max_length": self.max_length, "vocabulary": self.vocabulary, "epochs": self.epochs,
            "batch_size": self.batch_size, "learning_rate": self.learning_rate,
        }  # fmt: skip
        return {name: value for name, value in given.items() if value is not None}


def read_options(options: dict[str, Any]) -> TextOptions:
    """Read and check, also those of the loop that trains every network; an unknown name is refused, because it would do nothing."""
    refuse_unknown(options, OWN, "texts")
    read_plan(options)
    return TextOptions(
        max_length=whole(options, "maxLength", 4, 4096),
        vocabulary=whole(options, "vocabulary", 100, 200_000),
        epochs=whole(options, "epochs", 1, 10_000),
        batch_size=whole(options, "batchSize", 1, 1_000_000),
        learning_rate=number(options, "learningRate", 0.0, 100.0),
        freeze=whole(options, "freeze", 0, 1000) or 0,
        word_dropout=number(options, "wordDropout", 0.0, 0.9) or 0.0,
        synonyms=read_synonyms(options.get("synonyms")),
        synonym_share=number(options, "synonymShare", 0.0, 1.0) or 0.1,
        refit=options.get("refit") if isinstance(options.get("refit"), bool) else None,
    )


def whole(options: dict[str, Any], name: str, least: int, most: int) -> int | None:
    value = number(options, name, least, most)
    if value is not None and value != int(value):
        raise BadInput(f"options.{name} is {value}; it must be a whole number.", parameter=f"options.{name}")
    return None if value is None else int(value)


def number(options: dict[str, Any], name: str, least: float, most: float) -> float | None:
    value = options.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise BadInput(f"options.{name} is {value!r}; it must be a number between {least:g} and {most:g}.", parameter=f"options.{name}")
    return float(value)


def read_synonyms(given: Any) -> dict[str, tuple[str, ...]]:
    """`{ "good": ["fine", "great"] }`, or a table of words: each row's words may stand for one another."""
    if not given:
        return {}
    if isinstance(given, dict):
        return {str(word).lower(): tuple(map(str, others)) for word, others in given.items() if others}
    if isinstance(given, list) and all(isinstance(row, list) for row in given):
        found: dict[str, tuple[str, ...]] = {}
        for row in given:
            words = [str(word) for word in row]
            for word in words:
                found[word.lower()] = (*found.get(word.lower(), ()), *(other for other in words if other != word))
        return found
    raise BadInput(
        'options.synonyms must be { "word": ["another", …] } or a list of lists of words that mean the same.',
        parameter="options.synonyms",
    )
