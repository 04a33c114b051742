"""The job contract: the folder an engine works in, and the events it leaves there."""

from __future__ import annotations

import json
import math
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from atoll_engines.errors import BadInput, EngineError

EXIT_OK = 0
EXIT_FAULT = 1
EXIT_BAD_INPUT = 2
EXIT_NO_ROOM = 3
EXIT_STOPPED = 143


@dataclass(frozen=True)
class Job:
    """One job as its folder describes it."""

    folder: Path
    id: str
    engine: str
    seed: int
    attempt: int
    parameters: dict[str, Any]
    channels: dict[str, Any]
    resources: dict[str, Any] = field(default_factory=dict)

    @property
    def checkpoints(self) -> Path:
        return made(self.folder / "checkpoints")

    @property
    def output(self) -> Path:
        return made(self.folder / "output" / "data")

    @property
    def model(self) -> Path:
        return made(self.folder / "model")

    @property
    def native(self) -> Path:
        return made(self.folder / "native")

    @property
    def threads(self) -> int:
        """Threads the job may use: its own setting, else what the machine was promised to give."""
        wanted = os.environ.get("ATOLL_THREADS") or self.parameters.get("threads") or self.resources.get("cpus") or os.cpu_count() or 1
        return max(1, int(wanted))

    def has_channel(self, name: str) -> bool:
        return (self.folder / "input" / "data" / name).is_dir()

    def channel(self, name: str) -> Path:
        """The folder of a channel; the job cannot go on without it."""
        if not self.has_channel(name):
            raise EngineError(f'The job has no channel "{name}"; the engine {self.engine} reads it.', channel=name)
        return self.folder / "input" / "data" / name


def read_job(folder: Path) -> Job:
    """Read the job's configuration from its folder."""
    config = folder / "input" / "config"
    if not (config / "job.json").is_file():
        raise BadInput(f'"{folder}" is not a job folder: input/config/job.json is missing.')
    about = read_config(config / "job.json")
    version = about.get("contract", 1)
    if version != 1:
        raise EngineError(f"The job speaks version {version} of the job contract; these engines speak version 1.")
    return Job(
        folder=folder,
        id=str(about.get("id", "")),
        engine=str(about.get("engine", "")),
        seed=int(about.get("seed", 0)),
        attempt=int(about.get("attempt", 1)),
        parameters=read_config(config / "hyperparameters.json"),
        channels=read_config(config / "inputdataconfig.json"),
        resources=read_config(config / "resourceconfig.json"),
    )


def read_config(path: Path) -> dict[str, Any]:
    """One JSON object from a configuration file; an absent file is an empty object."""
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise BadInput(f"{path.name} is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise BadInput(f"{path.name} must hold one JSON object.")
    return value


class Report:
    """Writes events to `output/events.jsonl`, one JSON object a line, each flushed as it happens."""

    def __init__(self, folder: Path) -> None:
        made(folder / "output")
        self._file = (folder / "output" / "events.jsonl").open("a", encoding="utf-8")
        self._lock = threading.Lock()
        # Who else hears of events: a process that runs trials for another tells that one.
        self.forward: Callable[[str, dict[str, Any]], None] | None = None

    def event(self, type: str, **fields: Any) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"type": type, "at": at, **plain(fields)}, ensure_ascii=False)
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()
        if self.forward:
            self.forward(type, fields)

    def log(self, message: str, level: str = "info") -> None:
        self.event("log", level=level, message=message)

    def progress(self, stage: str, done: float, of: float, eta_seconds: float | None = None, message: str = "") -> None:
        self.event("progress", stage=stage, done=done, of=of, etaSeconds=eta_seconds, message=message)

    def metric(self, name: str, value: float, step: int = 0, **where: Any) -> None:
        self.event("metric", name=name, value=value, step=step, **where)

    def trial(self, **fields: Any) -> None:
        self.event("trial", **fields)

    def checkpoint(self, path: str, step: int) -> None:
        self.event("checkpoint", path=path, step=step)

    def warning(self, code: str, message: str, **facts: Any) -> None:
        self.event("warning", code=code, message=message, facts=facts)

    def artifact(self, path: str, kind: str, description: str) -> None:
        self.event("artifact", path=path, kind=kind, description=description)

    def result(self, value: Any) -> None:
        self.event("result", value=value)

    def close(self) -> None:
        with self._lock:
            self._file.close()


class Stop:
    """Turns SIGTERM into: finish the checkpoint in hand, say so, exit with 143.

    The signal is awaited by a thread of its own, so that a long call into compiled code cannot hold it up.
    Hold `stop.guard` while a checkpoint is written: the process never ends in the middle of one.
    """

    def __init__(self) -> None:
        self.guard = threading.RLock()
        self.requested = threading.Event()
        self._last_words: list[Callable[[], None]] = []

    def listen(self) -> None:
        """Start to await the signal; call before any other thread exists, because threads inherit the mask."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=self._wait, name="stop", daemon=True).start()

    def before_exit(self, action: Callable[[], None]) -> None:
        """Something to do between the signal and the exit, for at most the 120 s that the contract gives."""
        self._last_words.append(action)

    def no_longer(self, action: Callable[[], None]) -> None:
        """Take back something to do."""
        if action in self._last_words:
            self._last_words.remove(action)

    def _wait(self) -> None:
        signal.sigwait({signal.SIGTERM})
        self.requested.set()
        with self.guard:
            for action in self._last_words:
                try:
                    action()
                except Exception:  # the process ends either way, and the checkpoint on disk is whole
                    continue
            os._exit(EXIT_STOPPED)


stop = Stop()


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader, or a restart, sees all of it or none."""
    temporary = path.with_name(path.name + ".part")
    with stop.guard:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, whole or not at all."""
    write_whole(path, json.dumps(plain(value), ensure_ascii=False, indent=1))


def append_line(path: Path, value: Any) -> None:
    """Append one JSON line to a checkpoint and make it durable."""
    with stop.guard, path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(plain(value), ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_lines(path: Path) -> list[Any]:
    """The JSON lines of a checkpoint; a last line cut short by a crash is left out."""
    if not path.is_file():
        return []
    values = []
    for line in path.read_text("utf-8").splitlines():
        try:
            values.append(json.loads(line))
        except ValueError:
            break
    return values


def plain(value: Any) -> Any:
    """A value as JSON can hold it: numpy scalars and arrays unwrapped, non-finite numbers as words."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return finite(value)
    if value is None or isinstance(value, (str, int, bool)):
        return value
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)


def finite(value: float) -> float | str:
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
