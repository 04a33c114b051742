"""What a training of a language model may be told beside the parameters that every training knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atoll_engines.errors import BadInput
from atoll_engines.neural.plan import choice, number, read_plan, refuse_unknown, whole

COLUMNS = ("textColumn", "promptColumn", "completionColumn", "messagesColumn", "chosenColumn", "rejectedColumn")
LEVELS = ("f32", "f16", "q8_0", "q4_0")
TOKENIZERS = ("bpe", "sentencepiece")
OWN = (
    "base", "weights", "maxLength", *COLUMNS, "tokenizer", "vocabulary", "width", "layers", "heads", "rank", "alpha", "adapterDropout",
    "targets", "adapter", "beta", "gguf", "maxNewTokens", "gradientCheckpointing", "parityRows", "seconds",
)  # fmt: skip


@dataclass(frozen=True)
class LanguageOptions:
    """Options with defaults; None leaves a value to the algorithm or to the data."""

    columns: dict[str, str]
    max_length: int | None
    tokenizer: str
    vocabulary: int
    targets: tuple[str, ...] | str
    adapter: bool
    gguf: str | None
    max_new_tokens: int
    gradient_checkpointing: bool
    # As the user wrote them: the loop reads its own among them, an algorithm those that fix its parameters.
    given: dict[str, Any]

    def overrides(self) -> dict[str, Any]:
        """Parameters of an algorithm that were fixed by an option."""
        return {name: self.given[option] for option, name in PARAMETERS.items() if self.given.get(option) is not None}


PARAMETERS = {
    "rank": "rank", "alpha": "alpha", "adapterDropout": "adapter_dropout", "beta": "beta", "width": "width", "layers": "layers",
    "heads": "heads", "epochs": "epochs", "batchSize": "batch_size", "learningRate": "learning_rate", "warmup": "warmup",
    "weightDecay": "weight_decay",
}  # fmt: skip
CHECKS = {
    "rank": whole(1, 1024), "alpha": number(0, 10_000, above=True), "adapterDropout": number(0, 0.9), "beta": number(0, 100, above=True),
    "width": whole(8, 16_384), "layers": whole(1, 200), "heads": whole(1, 256),
}  # fmt: skip


def read_options(options: dict[str, Any]) -> LanguageOptions:
    """Read and check; an unknown name is refused, because it would do nothing."""
    refuse_unknown(options, OWN, "language models")
    read_plan(options)
    for name, check in CHECKS.items():
        if options.get(name) is not None:
            check(name, options[name])

    def of(name: str, read: Any, usual: Any) -> Any:
        return usual if options.get(name) is None else read(name, options[name])

    return LanguageOptions(
        columns={name: text(name, options[name]) for name in COLUMNS if options.get(name) is not None},
        max_length=of("maxLength", whole(8, 1_048_576), None),
        tokenizer=of("tokenizer", choice(TOKENIZERS), "bpe"),
        vocabulary=of("vocabulary", whole(300, 200_000), 4000),
        targets=read_targets(options.get("targets")),
        adapter=of("adapter", yes_or_no, True),
        gguf=of("gguf", choice(LEVELS), None),
        max_new_tokens=of("maxNewTokens", whole(1, 100_000), 128),
        gradient_checkpointing=of("gradientCheckpointing", yes_or_no, False),
        given=dict(options),
    )


def text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise BadInput(f"{name} is {value!r}; it must be the name of a column.", parameter=f"options.{name}")
    return value


def yes_or_no(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadInput(f"{name} is {value!r}; it must be true or false.", parameter=f"options.{name}")
    return value


def read_targets(value: Any) -> tuple[str, ...] | str:
    """Which layers get an adapter: all linear ones, or those that end in these names."""
    if value is None or value == "all-linear":
        return "all-linear"
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(one, str) and one for one in names):
        raise BadInput(
            'options.targets must be "all-linear" or a list of layers\' names such as ["q_proj", "v_proj"].', parameter="options.targets"
        )
    return tuple(names)
