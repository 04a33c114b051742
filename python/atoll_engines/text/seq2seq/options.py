"""What a training of texts into texts may be told beside the parameters that every training knows."""

from __future__ import annotations

from typing import Any

from atoll_engines.errors import BadInput
from atoll_engines.neural.plan import read_plan, refuse_unknown, whole

OWN = ("column", "columns", "separator", "maxLength", "vocabulary", "weights", "prefix", "refit", "parityRows", "seconds")


def check_options(options: dict[str, Any]) -> dict[str, Any]:
    """Parameters of the algorithm that options fix; an unknown name is refused, because it would do nothing."""
    refuse_unknown(options, OWN, "texts into texts")
    read_plan(options)
    prefix = options.get("prefix")
    if prefix is not None and (not isinstance(prefix, str) or len(prefix) > 200):
        raise BadInput('options.prefix must be a short text, such as "summarize: ".', parameter="options.prefix")
    if options.get("refit") not in (None, True, False):
        raise BadInput(f"options.refit is {options['refit']!r}; it must be true or false.", parameter="options.refit")
    fixed = {}
    for name, field, low, high in (("maxLength", "max_length", 4, 4096), ("vocabulary", "vocabulary", 260, 100_000)):
        if options.get(name) is not None:
            fixed[field] = whole(low, high)(f"options.{name}", options[name])
    return fixed
