"""What a training of speech may be told beside the parameters that every training knows."""

from __future__ import annotations

from typing import Any

from atoll_engines.errors import BadInput
from atoll_engines.neural.plan import read_plan, refuse_unknown

OWN = ("column", "weights", "language", "stripes", "refit", "parityRows", "seconds")


def check_options(options: dict[str, Any]) -> None:
    """An unknown name is refused, because it would do nothing."""
    refuse_unknown(options, OWN, "speech")
    read_plan(options)
    language = options.get("language")
    if language is not None and not isinstance(language, str):
        raise BadInput(f'options.language is {language!r}; write it as Whisper does: "en", "de".', parameter="options.language")
    for name in ("stripes", "refit"):
        if options.get(name) not in (None, True, False):
            raise BadInput(f"options.{name} is {options[name]!r}; it must be true or false.", parameter=f"options.{name}")
