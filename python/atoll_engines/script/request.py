"""What a script job asks for, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atoll_engines.contract import Job
from atoll_engines.errors import BadInput


@dataclass(frozen=True)
class MetricPattern:
    """A regular expression whose first group is the metric's value, as in SageMaker's `MetricDefinitions`."""

    name: str
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class ScriptRequest:
    """A script with its files, and how it is called."""

    files: dict[str, bytes]
    entry_point: str
    arguments: tuple[str, ...]
    hyperparameters: dict[str, Any]
    metrics: tuple[MetricPattern, ...]


def read_request(job: Job) -> ScriptRequest:
    """The part `script` of the job's parameters, or of their `options`."""
    options = job.parameters.get("options") or {}
    given = job.parameters.get("script") or options.get("script") or {}
    files = read_files(job.folder / "input" / "data" / "code")
    if not files:
        raise BadInput("A script job needs its code: the channel code is empty.", channel="code")
    entry_point = given.get("entryPoint") or only_script(list(files))
    if entry_point not in files:
        raise BadInput(f'The entry point "{entry_point}" is not among the files: {", ".join(sorted(files)[:20])}.', path=entry_point)
    return ScriptRequest(
        files=files,
        entry_point=entry_point,
        arguments=tuple(str(one) for one in given.get("arguments") or ()),
        hyperparameters=dict(given.get("hyperparameters") or {}),
        metrics=tuple(metric_pattern(one) for one in given.get("metrics") or ()),
    )


def read_files(folder: Path) -> dict[str, bytes]:
    """The code as it was laid, by path within its folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()
    }


def only_script(paths: list[str]) -> str:
    scripts = [path for path in paths if path.endswith((".py", ".ipynb", ".sh"))]
    if len(scripts) == 1:
        return scripts[0]
    usual = [path for path in scripts if path in ("train.py", "main.py")]
    if len(usual) == 1:
        return usual[0]
    raise BadInput(f"Say which file to start (entryPoint): {', '.join(sorted(scripts)[:20]) or 'there is no script'}.", option="entryPoint")


def metric_pattern(given: dict[str, Any]) -> MetricPattern:
    name, text = given.get("name") or given.get("Name"), given.get("regex") or given.get("Regex")
    if not name or not text:
        raise BadInput("A metric definition has a name and a regular expression.", option="metrics")
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise BadInput(f'The regular expression of the metric "{name}" is not valid: {error}.', metric=name) from error
    if pattern.groups < 1:
        raise BadInput(f'The regular expression of the metric "{name}" has no group; the first group is the value.', metric=name)
    return MetricPattern(str(name), pattern)
