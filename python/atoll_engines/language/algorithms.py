"""The algorithms for language models, by name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from atoll_engines.errors import BadInput, what_exists
from atoll_engines.language.options import LanguageOptions
from atoll_engines.language.records import Records

TASKS = ("generation",)


@dataclass(frozen=True)
class Algorithm:
    """One way to train: which rows it takes, where its search starts and what it may try. `defaults` name fields of the loop's plan too."""

    name: str
    title: str
    about: str
    forms: tuple[str, ...]
    defaults: dict[str, Any]
    space: dict[str, Any]
    needs_base: bool = True
    # Without weights to begin with everything must be learned, in larger steps.
    from_scratch: tuple[tuple[str, Any], ...] = ()


ADAPTER = {"rank": 16, "alpha": 32.0, "adapter_dropout": 0.0}
LOOP = {"batch_size": 8, "warmup": 0.1, "weight_decay": 0.01}
RATE = {"float": [1e-5, 5e-3], "log": True}
ALGORITHMS = (
    Algorithm(
        "llm_lora", "LoRA fine-tuning",
        "A small adapter learns beside frozen weights, from texts, prompts with completions, or chats; it is merged for serving.",
        ("text", "completion", "chat", "choice"),
        {**ADAPTER, **LOOP, "epochs": 3, "learning_rate": 5e-4},
        {"learning_rate": RATE, "rank": {"choice": [4, 8, 16, 32, 64]}, "epochs": {"int": [1, 8]}},
    ),
    Algorithm(
        "llm_full", "Full fine-tuning",
        "All weights learn, from texts, prompts with completions, or chats. Needs four times the memory of the weights.",
        ("text", "completion", "chat", "choice"),
        {**LOOP, "epochs": 3, "learning_rate": 1e-4},
        {"learning_rate": RATE, "epochs": {"int": [1, 8]}, "weight_decay": {"float": [1e-3, 0.2], "log": True}},
    ),
    Algorithm(
        "llm_pretrain", "Pre-training",
        "Plain texts packed into blocks: weights go on learning, or a small model begins from nothing, its tokenizer too.",
        ("text", "completion", "chat"),
        {**LOOP, "epochs": 3, "learning_rate": 3e-4, "width": 128, "layers": 4, "heads": 4},
        {"learning_rate": RATE, "epochs": {"int": [1, 20]}},
        needs_base=False, from_scratch=(("learning_rate", 2e-3), ("epochs", 10)),
    ),
    Algorithm(
        "llm_dpo", "Preference tuning (DPO)",
        "Of two answers to a prompt the preferred one becomes likelier, held to what the model was before.",
        ("preference",),
        {**ADAPTER, **LOOP, "epochs": 2, "learning_rate": 1e-4, "beta": 0.1},
        {"learning_rate": {"float": [1e-6, 1e-3], "log": True}, "beta": {"float": [0.01, 0.5], "log": True}, "epochs": {"int": [1, 5]}},
    ),
)  # fmt: skip
NAMES = {one.name: one for one in ALGORITHMS}
FORM_WORDS = {
    "text": "texts", "completion": "prompts with completions", "chat": "chats", "choice": "questions with choices",
    "preference": "pairs of a chosen and a rejected answer",
}  # fmt: skip


def chosen_algorithms(names: list[str], records: Records, has_base: bool, options: LanguageOptions) -> list[Algorithm]:
    """The algorithms that the job asks for, each able to learn from these rows; `auto` goes by the rows."""
    asked: list[str] = []
    for name in names or ["auto"]:
        if name == "auto":
            asked.append("llm_dpo" if records.form == "preference" else "llm_lora" if has_base else "llm_pretrain")
        elif name in NAMES:
            asked.append(name)
        else:
            raise BadInput(
                f'There is no algorithm "{name}" for language models. {what_exists(name, ["auto", *NAMES], "algorithms")}', algorithm=name
            )
    chosen = [NAMES[name] for name in dict.fromkeys(asked)]
    for one in chosen:
        if records.form not in one.forms:
            others = ", ".join(other.name for other in ALGORITHMS if records.form in other.forms)
            raise BadInput(
                f"{one.title} learns from {' or '.join(FORM_WORDS[form] for form in one.forms)}; these are {FORM_WORDS[records.form]}. "
                f"For them there are: {others}.",
                algorithm=one.name,
            )
        if one.needs_base and not has_base:
            raise BadInput(
                f"{one.title} begins with weights: name some that you added, or a model that was trained here (options.base). "
                "Without any, llm_pretrain begins from nothing.",
                parameter="options.base",
            )
    return [settled(one, has_base, options) for one in chosen]


def settled(algorithm: Algorithm, has_base: bool, options: LanguageOptions) -> Algorithm:
    """The algorithm for this job: what an option fixes is not searched for."""
    defaults, space = dict(algorithm.defaults), dict(algorithm.space)
    if not has_base:
        defaults |= dict(algorithm.from_scratch)
    for name, value in options.overrides().items():
        if name in defaults:
            defaults[name] = value
            space.pop(name, None)
    if has_base:
        for name in ("width", "layers", "heads"):
            defaults.pop(name, None)
    if algorithm.name == "llm_dpo" and not options.adapter:
        for name in ADAPTER:
            defaults.pop(name, None)
    return replace(algorithm, defaults=defaults, space=space)
