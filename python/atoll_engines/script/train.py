"""Runs the user's own script, unmodified, and takes what it leaves: metrics from its output, its model, its results."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from importlib import metadata
from pathlib import Path
from typing import Any, TextIO

from packaging.requirements import InvalidRequirement, Requirement

from atoll_engines.contract import Job, Report, made, stop
from atoll_engines.errors import BadInput
from atoll_engines.script.environment import base_folder, script_arguments, script_environment
from atoll_engines.script.package import keep_native, write_package
from atoll_engines.script.request import ScriptRequest, read_request

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|inf", re.IGNORECASE)
KEPT_LINES = 40


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `script.train`."""
    started = time.monotonic()
    request = read_request(job)
    lay_code(job, request)
    check_requirements(job.folder / "code")
    watch = Watch(report, request)
    code = run_script(job, request, watch)
    if code != 0:
        raise BadInput(failure_of(job, request, code, watch.last), exitCode=code, script=request.entry_point)
    result: dict[str, Any] = {"entryPoint": request.entry_point, "metrics": watch.latest}
    if job.parameters.get("target"):
        keep_native(job, request)
        report.progress("package", 0, 1, None, "The script's model answers the training rows.")
        record = write_package(job, request, started, watch.latest)
        result["training"] = record["training"]
    result["files"] = [str(path.relative_to(job.folder)) for path in sorted((job.folder / "model").rglob("*")) if path.is_file()]
    return result


def lay_code(job: Job, request: ScriptRequest) -> None:
    root = made(job.folder / "code")
    for path, content in request.files.items():
        made((root / path).parent)
        (root / path).write_bytes(content)
    for path in ("model", "output/data", "output/intermediate"):
        made(job.folder / path)


def check_requirements(code: Path) -> None:
    """Every package that requirements.txt asks for must be in the runtime: a job has no network to fetch it from."""
    file = code / "requirements.txt"
    if not file.is_file():
        return
    absent = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        words = line.split("#", 1)[0].strip()
        if not words or words.startswith("-"):
            continue
        try:
            wanted = Requirement(words)
        except InvalidRequirement as error:
            raise BadInput(f"requirements.txt, line {number}: {words!r} is no requirement ({error}).", line=number) from error
        if wanted.marker and not wanted.marker.evaluate():
            continue
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            absent.append(f"{words} (line {number}) is not in it")
            continue
        if not wanted.specifier.contains(version, prereleases=True):
            absent.append(f"{words} (line {number}), but it has {version}")
    if absent:
        raise BadInput(
            f"requirements.txt asks for what this runtime lacks: {'; '.join(absent)}. Choose another runtime, or loosen the requirement.",
            absent=absent,
        )


class Watch:
    """Reads the script's output: every line to the log, every match of a metric's expression to its series."""

    def __init__(self, report: Report, request: ScriptRequest) -> None:
        self.report = report
        self.request = request
        self.latest: dict[str, float] = {}
        self.last: list[str] = []
        self._steps: dict[str, int] = {}
        self._lock = threading.Lock()

    def follow(self, source: TextIO, level: str) -> None:
        for line in source:
            words = line.rstrip("\n")
            if not words.strip():
                continue
            with self._lock:
                self.last = [*self.last, words][-KEPT_LINES:]
                self.report.log(words[:4000], level)
                self.measure(words)

    def measure(self, line: str) -> None:
        for metric in self.request.metrics:
            for found in metric.pattern.finditer(line):
                text = found.group(1) or ""
                if not NUMBER.fullmatch(text.strip()):
                    continue
                step = self._steps.get(metric.name, 0)
                self._steps[metric.name] = step + 1
                self.latest[metric.name] = float(text)
                self.report.metric(metric.name, float(text), step)


def run_script(job: Job, request: ScriptRequest, watch: Watch) -> int:
    """The exit code of the script. SIGTERM is handed on to it, so that it can write a checkpoint of its own."""
    base = base_folder(job)
    process = subprocess.Popen(
        command(base, request),
        cwd=base / "code",
        env=script_environment(job, request),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        bufsize=1,
        preexec_fn=unblock_sigterm,
    )

    def hand_on() -> None:
        process.terminate()
        try:
            process.wait(110)
        except subprocess.TimeoutExpired:
            process.kill()

    stop.before_exit(hand_on)
    readers = [
        threading.Thread(target=watch.follow, args=(process.stdout, "info"), daemon=True),
        threading.Thread(target=watch.follow, args=(process.stderr, "warning"), daemon=True),
    ]
    for reader in readers:
        reader.start()
    code = process.wait()
    for reader in readers:
        reader.join(10)
    return code


def unblock_sigterm() -> None:
    import signal

    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def command(base: Path, request: ScriptRequest) -> list[str]:
    arguments = script_arguments(request)
    if request.entry_point.endswith(".ipynb"):
        done = base / "output" / "data" / Path(request.entry_point).name
        return [sys.executable, "-m", "atoll_engines.script.notebook", request.entry_point, str(done), *arguments]
    if request.entry_point.endswith(".sh"):
        return ["/bin/sh", request.entry_point, *arguments]
    return [sys.executable, request.entry_point, *arguments]


def failure_of(job: Job, request: ScriptRequest, code: int, last: list[str]) -> str:
    """One sentence: what the script wrote into output/failure, else the error that it ended with."""
    own = job.folder / "output" / "failure"
    if own.is_file() and own.read_text("utf-8", errors="replace").strip():
        reason = own.read_text("utf-8", errors="replace").strip().splitlines()[0]
    else:
        errors = [line for line in last if re.match(r"\s*(\w+\.)*\w*(Error|Exception|Interrupt|Exit)\b.*", line)]
        reason = (errors or last or ["it said nothing"])[-1].strip()
    how = f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"
    return f"{request.entry_point} {how}: {reason[:500]}"
