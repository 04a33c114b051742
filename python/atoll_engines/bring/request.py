"""What an import asks for, checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atoll_engines.contract import Job
from atoll_engines.errors import BadInput

TYPES = ("number", "integer", "boolean", "category", "text", "datetime")
# The platform takes a proof for one from so many rows on.
FEWEST_ROWS, MOST_ROWS = 1000, 20_000


@dataclass(frozen=True)
class Given:
    """A column as the user, or the platform's own look at the file, declares it."""

    name: str
    type: str | None
    nullable: bool | None
    categories: list[str] | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Request:
    """The parameters of `bring.convert`."""

    format: str
    file: str
    container: str | None
    task: str | None
    target: str | None
    classes: tuple[str, ...] | None
    positive: str | None
    threshold: float | None
    inputs: tuple[Given, ...] | None
    expected: str | None
    tolerance: float
    rows: int
    options: dict[str, Any]

    def about(self) -> dict[str, Any]:
        """What `native/bring.json` keeps of it."""
        return {"format": self.format, "file": self.file, "container": self.container, "options": self.options}


def read_request(job: Job) -> Request:
    given = job.parameters
    inputs = given.get("inputs")
    return Request(
        format=str(given.get("format") or ""),
        file=str(given.get("file") or ""),
        container=given.get("container"),
        task=given.get("task"),
        target=given.get("target"),
        classes=tuple(str(one) for one in given["classes"]) if given.get("classes") else None,
        positive=given.get("positive"),
        threshold=float(given["threshold"]) if given.get("threshold") is not None else None,
        inputs=tuple(read_given(one) for one in inputs) if inputs else None,
        expected=given.get("expected"),
        tolerance=float(given.get("tolerance") or 1e-4),
        rows=min(MOST_ROWS, max(FEWEST_ROWS, int(given.get("parityRows") or FEWEST_ROWS))),
        options=dict(given.get("options") or {}),
    )


def read_given(given: dict[str, Any]) -> Given:
    name, type = given.get("name"), given.get("type")
    if not name:
        raise BadInput("A column of the inputs has no name.", parameter="inputs")
    if type is not None and type not in TYPES:
        raise BadInput(f'The column "{name}" has the type "{type}"; there are: {", ".join(TYPES)}.', parameter="inputs", column=name)
    categories = given.get("categories")
    return Given(
        str(name), type, given.get("nullable"), [str(one) for one in categories] if categories else None,
        number_of(given.get("min")), number_of(given.get("max")),
    )  # fmt: skip


def number_of(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def source_path(folder: Path, file: str) -> Path:
    """A file or folder of the bundle, never one outside of it."""
    path = (folder / file).resolve() if file else folder.resolve()
    if not path.is_relative_to(folder.resolve()) or not path.exists():
        raise BadInput(f'The bundle has no "{file}".', file=file)
    return path
