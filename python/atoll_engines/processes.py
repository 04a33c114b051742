"""A job that trains on several GPUs: one process for each, started by torchrun, that come to the same decisions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, TypeVar

from atoll_engines.contract import Job, stop
from atoll_engines.errors import EngineError

# Engines whose networks all learn by the one loop, which knows how to share steps between processes.
SHARED = ("image.train", "text.train")
STOP_SECONDS = 110
Value = TypeVar("Value")


def processes_for(job: Job) -> int:
    """How many processes the job is given: one for each GPU it was promised, and was not started for already."""
    if "RANK" in os.environ or "ATOLL_SIDE_CHANNEL" in os.environ or job.engine not in SHARED:
        return 1
    wanted = int(job.resources.get("processes") or 0)
    gpus = int(job.resources.get("gpus") or 0)
    if wanted or gpus < 2:
        return max(1, wanted)
    import torch

    return max(1, min(gpus, torch.cuda.device_count()))


def run_several(job: Job, processes: int) -> int:
    """Run the job's folder in so many processes; the exit code is the first one's, which writes all that is kept."""
    with tempfile.TemporaryDirectory(prefix="processes-") as scratch:
        code = Path(scratch) / "exit"
        threads = str(max(1, job.threads // processes))
        path = os.pathsep.join([str(Path(__file__).resolve().parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"),
            *(f"--shutdown-timeout={STOP_SECONDS}", "-m", "atoll_engines.run", "--folder", str(job.folder)),
        ]
        child = subprocess.Popen(
            command,
            env=os.environ | {"ATOLL_EXIT": str(code), "ATOLL_SCRATCH": scratch, "OMP_NUM_THREADS": threads, "PYTHONPATH": path},
            # This process awaits the signal in a thread of its own and blocks it; its children must hear it.
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM}),
        )
        end = lambda: (child.terminate(), child.wait(STOP_SECONDS))  # noqa: E731
        stop.before_exit(end)
        ended = child.wait()
        stop.no_longer(end)
        if code.is_file():
            return int(code.read_text())
        raise EngineError(f"The {processes} processes of the job ended with the code {ended} before the first of them could say why.")


def own_folder(folder: Path) -> Path:
    """Where this process works: the first in the job's folder, the others in one like it, so that they write nothing of the job's."""
    rank = int(os.environ.get("RANK", "0"))
    scratch = os.environ.get("ATOLL_SCRATCH")
    if rank == 0 or not scratch:
        return folder
    own = Path(scratch) / f"process-{rank}"
    own.mkdir(parents=True, exist_ok=True)
    for shared in ("input", "checkpoints"):
        (folder / shared).mkdir(exist_ok=True)
        if not (own / shared).exists():
            (own / shared).symlink_to(folder / shared, target_is_directory=True)
    return own


def tell_exit(code: int) -> int:
    """Let the process that started this one know how the first of them ended."""
    told = os.environ.get("ATOLL_EXIT")
    if told and int(os.environ.get("RANK", "0")) == 0:
        Path(told).write_text(str(code))
    return code


def agreed(value: Value) -> Value:
    """The first process's value, in all of them: clocks differ, and decisions by time must not."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or "RANK" not in os.environ:
        return value
    from atoll_engines.neural.devices import find_device

    device = find_device()
    told: Any = device.broadcast(value)
    return told
