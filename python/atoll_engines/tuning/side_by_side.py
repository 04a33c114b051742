"""Trials side by side: processes that each prepare the job as the first one did, then run the trials that it hands them.

The first process alone decides: what is tried, what is given up, what is kept. The others fit and score, and ask.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from atoll_engines.contract import Report, stop
from atoll_engines.errors import EngineError

CHANNEL, THREADS = "ATOLL_SIDE_CHANNEL", "ATOLL_THREADS"
# What is not for the others: they are told what they need of it.
OWN_CHECKPOINTS = ("trials.jsonl",)
FORWARDED = ("metric", "warning", "log")


def is_helper() -> bool:
    """Whether this process runs trials for another."""
    return CHANNEL in os.environ


@dataclass
class Helper:
    """One process beside the first."""

    process: subprocess.Popen
    channel: Connection
    # The trial that it has in hand.
    task: Any = None


class Crew:
    """The processes that run trials. Use as a context: they end with it, and with this process, however that ends."""

    def __init__(self, folder: Path, size: int, threads: int) -> None:
        self.folder, self.size, self.threads = folder, size, threads
        self.scratch = Path(tempfile.mkdtemp(prefix="side-by-side-"))
        self.helpers: list[Helper] = []
        self.started = 0

    def __enter__(self) -> Crew:
        stop.before_exit(self.close)
        for _ in range(self.size):
            self.start()
        return self

    def __exit__(self, *_: object) -> None:
        stop.no_longer(self.close)
        self.close()

    def start(self) -> None:
        own = self.scratch / str(self.started)
        self.started += 1
        lay_folder(self.folder, own)
        here, there = channel_pair()
        path = os.pathsep.join([str(Path(__file__).resolve().parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
        threads = str(self.threads)
        process = subprocess.Popen(
            [sys.executable, "-m", "atoll_engines.run", "--folder", str(own)],
            env=os.environ
            | {CHANNEL: str(there.fileno()), THREADS: threads, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
            | {"MKL_NUM_THREADS": threads, "PYTHONPATH": path},
            pass_fds=[there.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM}),
        )
        there.close()
        self.helpers.append(Helper(process, here))

    def free(self) -> Helper | None:
        return next((one for one in self.helpers if one.task is None), None)

    @property
    def busy(self) -> list[Helper]:
        return [one for one in self.helpers if one.task is not None]

    def give(self, helper: Helper, task: Any, message: tuple) -> None:
        helper.task = task
        helper.channel.send(message)

    def next_messages(self) -> list[tuple[Helper, tuple | None]]:
        """What the busy ones say, as soon as one does; None from one that ended without a word."""
        ready = wait([one.channel for one in self.busy])
        said: list[tuple[Helper, tuple | None]] = []
        for helper in self.busy:
            if helper.channel in ready:
                try:
                    said.append((helper, helper.channel.recv()))
                except (EOFError, ConnectionError):
                    said.append((helper, None))
        return said

    def replace(self, helper: Helper) -> int:
        """Another in the place of one that ended; how it ended."""
        code = helper.process.wait()
        helper.channel.close()
        self.helpers.remove(helper)
        self.start()
        return code

    def close(self) -> None:
        for one in self.helpers:
            one.process.kill()
        for one in self.helpers:
            one.process.wait()
            one.channel.close()
        self.helpers.clear()
        shutil.rmtree(self.scratch, ignore_errors=True)


def channel_pair() -> tuple[Connection, Connection]:
    from multiprocessing import Pipe

    here, there = Pipe()
    os.set_inheritable(there.fileno(), True)
    return here, there


def lay_folder(job: Path, own: Path) -> None:
    """A folder like the job's: the same inputs and finished preparations, but outputs of its own."""
    (own / "checkpoints").mkdir(parents=True)
    (own / "input").symlink_to(job / "input", target_is_directory=True)
    for one in (job / "checkpoints").iterdir() if (job / "checkpoints").is_dir() else ():
        if one.name not in OWN_CHECKPOINTS:
            (own / "checkpoints" / one.name).symlink_to(one, target_is_directory=one.is_dir())


class Boss:
    """The helper's view of the process that it works for."""

    def __init__(self, report: Report) -> None:
        self.channel = Connection(int(os.environ[CHANNEL]))
        self.report = report
        self.answers: list[Any] = []
        self.has_answer = threading.Condition()
        threading.Thread(target=self._listen, name="boss", daemon=True).start()
        report.forward = self.tell_event

    def _listen(self) -> None:
        while True:
            try:
                said = self.channel.recv()
            except (EOFError, OSError):
                # Whoever would read the outcome is gone.
                os._exit(0)
            with self.has_answer:
                self.answers.append(said)
                self.has_answer.notify()

    def hear(self) -> Any:
        with self.has_answer:
            while not self.answers:
                self.has_answer.wait()
            return self.answers.pop(0)

    def ask(self, *question: Any) -> Any:
        self.channel.send(question)
        return self.hear()

    def tell_event(self, kind: str, fields: dict[str, Any]) -> None:
        if kind in FORWARDED and fields.get("level") != "debug":
            self.channel.send(("event", kind, fields))

    def serve(self, work: Callable[..., tuple]) -> None:
        """Do what is asked until nobody asks any more; the process ends with that."""
        while True:
            self.channel.send(work(*self.hear()))


def refuse_with_processes(parallel: int) -> None:
    """Several processes for one model and several models at once are two uses of the same devices."""
    if parallel > 1 and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise EngineError("Trials side by side and one trial in several processes exclude each other: set search.parallel to 1.")
