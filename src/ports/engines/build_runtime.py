"""Builds one locked environment, or waits for whoever builds it.

usage: build_runtime.py LOCK_FILE TARGET_FOLDER [BASE_FOLDER ...]
The packages of the base environments are seen by the new one. Prints one JSON object a line: {"message", "done", "of"}, at the end {"ready": {...}} or {"failed": "..."}
A finished environment holds ready.json; anything without it is debris of a build that was cut short, and is built anew.
"""

import ctypes
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib.metadata import distributions
from pathlib import Path

KEPT_LINES = 12


def main() -> int:
    die_with_parent()
    lock, target, *bases = map(Path, sys.argv[1:])
    packages = [line for line in lock.read_text().splitlines() if line.strip() and not line.startswith("#")]
    target.parent.mkdir(parents=True, exist_ok=True)
    failure = target.with_name(target.name + ".failed")
    # The kernel frees this lock when its holder dies, however it dies.
    with open(target.with_name(target.name + ".lock"), "w") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say(message="Another process is building it", done=0, of=len(packages))
            fcntl.flock(guard, fcntl.LOCK_EX)
        if not (target / "ready.json").exists():
            try:
                build(target, lock, len(packages), bases)
                failure.unlink(missing_ok=True)
            except (subprocess.CalledProcessError, OSError) as error:
                reason = str(getattr(error, "output", None) or error)
                failure.write_text(reason)
                shutil.rmtree(target, ignore_errors=True)
                say(failed=reason)
                return 1
    say(ready=json.loads((target / "ready.json").read_text()))
    return 0


def build(target: Path, lock: Path, packages: int, bases: list[Path]) -> None:
    shutil.rmtree(target, ignore_errors=True)
    say(message="Creating the environment", done=0, of=packages)
    run([sys.executable, "-m", "venv", str(target)], packages)
    python = target / "bin" / "python"
    install = ["-m", "pip", "install", "--no-deps", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    run([str(python), *install, "-r", str(lock)], packages)
    for_cuda = lock.with_suffix(".cuda.txt")
    if for_cuda.exists() and wants_cuda(target):
        run([str(python), *install, "-r", str(for_cuda)], packages)
    # One line a base: its packages are found after the environment's own.
    seen = "".join(f"{packages_of(base)}\n" for base in reversed(bases))
    (packages_of(target) / "atoll_bases.pth").write_text(seen)
    size = sum(path.lstat().st_size for path in target.rglob("*") if path.is_file() and not path.is_symlink())
    # The marker says that everything is there, so everything has to be on the disk before it.
    os.sync()
    ready = {"builtAt": int(time.time() * 1000), "sizeBytes": size, "python": sys.version.split()[0]}
    part = target / "ready.json.part"
    part.write_text(json.dumps(ready))
    part.rename(target / "ready.json")


def packages_of(environment: Path) -> Path:
    return environment / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def wants_cuda(environment: Path) -> bool:
    """Whether the torch that pip chose was built for CUDA: its libraries are packages of their own then."""
    return any(
        re.match(r"nvidia-|cuda-toolkit", requirement)
        for package in distributions(path=[str(packages_of(environment))])
        if package.name == "torch"
        for requirement in package.requires or []
    )


def run(command: list[str], packages: int) -> None:
    """Run a command, turning pip's lines into progress. Its last lines go with the error."""
    collected = 0
    last: list[str] = []
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        preexec_fn=die_with_parent,
    )
    for line in process.stdout:
        last = [*last, line.rstrip()][-KEPT_LINES:]
        found = re.match(r"Collecting (\S+)", line)
        if found:
            collected += 1
            say(message=f"Fetching {found[1]}", done=collected - 1, of=packages)
        elif line.startswith("Installing collected packages"):
            say(message=f"Installing {packages} packages", done=packages, of=packages)
    if process.wait() != 0:
        errors = [line for line in last if line.startswith("ERROR")] or last
        raise subprocess.CalledProcessError(process.returncode, command, "\n".join(errors))


def die_with_parent() -> None:
    """A build that nobody waits for ends, and its lock with it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


def say(**fields) -> None:
    print(json.dumps(fields), flush=True)


sys.exit(main())
