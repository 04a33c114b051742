"""The catalogue of steps: what each does and takes. The JSON beside this file is the one description of them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import BadInput, what_exists


@cache
def catalogue() -> dict[str, dict[str, Any]]:
    """Every step's entry by name."""
    entries = json.loads((Path(__file__).parent / "catalogue.json").read_text("utf-8"))
    return {entry["step"]: entry for entry in entries["steps"]}


def parameter_values(number: int, step: str, given: dict[str, Any]) -> dict[str, Any]:
    """The parameters of one step with defaults filled in, checked against the catalogue."""
    schema = catalogue()[step]["parameters"]
    known = schema["properties"]
    where = f"Step {number} ({step})"
    for name in given:
        if name != "step" and name not in known:
            raise BadInput(
                f'{where}: there is no parameter "{name}". {what_exists(name, known, "parameters")}',
                step=number,
                stepName=step,
                parameter=name,
            )
    values: dict[str, Any] = {}
    for name, rule in known.items():
        if name in given and given[name] is not None:
            _check(where, name, given[name], rule, number, step)
            values[name] = given[name]
        elif name in schema.get("required", []):
            raise BadInput(f'{where}: the parameter "{name}" is needed: {rule["description"]}', step=number, stepName=step, parameter=name)
        else:
            values[name] = rule.get("default")
    return values


def _check(where: str, name: str, value: Any, rule: dict[str, Any], number: int, step: str) -> None:
    kinds = rule.get("type")
    allowed = [kinds] if isinstance(kinds, str) else list(kinds or [])
    wrong = None
    if allowed and not any(_is(value, kind) for kind in allowed):
        wrong = f"must be {' or '.join(allowed)}"
    elif "enum" in rule and value not in rule["enum"]:
        wrong = f"must be one of {', '.join(map(str, rule['enum']))}"
    elif _is(value, "number"):
        if "minimum" in rule and value < rule["minimum"]:
            wrong = f"must be at least {rule['minimum']}"
        elif "exclusiveMinimum" in rule and value <= rule["exclusiveMinimum"]:
            wrong = f"must be above {rule['exclusiveMinimum']}"
        elif "maximum" in rule and value > rule["maximum"]:
            wrong = f"must be at most {rule['maximum']}"
    elif isinstance(value, list) and "items" in rule:
        for item in value:
            _check(where, name, item, rule["items"], number, step)
    if wrong:
        raise BadInput(f'{where}: "{name}" is {json.dumps(value, default=str)}, but {wrong}.', step=number, stepName=step, parameter=name)


def _is(value: Any, kind: str) -> bool:
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "integer":
        return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
    return isinstance(value, {"string": str, "boolean": bool, "array": list, "object": dict, "null": type(None)}[kind])
