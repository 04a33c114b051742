"""Runs one command where there are no namespaces: with limits, and so that nothing it starts outlives the server.

usage: supervisor.py LIMITS_JSON COMMAND...   (SIGTERM is passed on; SIGUSR1, or the death of the parent, kills everything)
"""

import ctypes
import json
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def main() -> int:
    limits = json.loads(sys.argv[1])
    libc = ctypes.CDLL(None, use_errno=True)
    parent = int(limits.pop("parent"))
    # Taken by sigwait, not by handlers: a handler's turn may come only after the wait that it should have ended.
    awaited = {signal.SIGCHLD, signal.SIGTERM, signal.SIGUSR1}
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    # Descendants that detach become our children, so that they can be found and ended.
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGUSR1, 0, 0, 0)
    if os.getppid() != parent:
        return 137
    child = os.fork()
    if child == 0:
        become(libc, limits)
    while True:
        received = signal.sigwait(awaited)
        if received == signal.SIGTERM:
            os.kill(child, signal.SIGTERM)
        elif received == signal.SIGUSR1:
            kill_descendants()
            return 137
        status = reap(child)
        if status is not None:
            kill_descendants()
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def become(libc: ctypes.CDLL, limits: dict) -> None:
    """The child: takes its limits and turns into the command."""
    os.setsid()
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    for name, value in limits.items():
        limit(getattr(resource, name), value)
    try:
        os.execvp(sys.argv[2], sys.argv[2:])
    except OSError as error:
        print(f"{sys.argv[2]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(127)


def reap(child: int) -> int | None:
    """Collect what has ended; the child's status when it has."""
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == child:
            return status
        if ended == 0:
            return None


def limit(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def kill_descendants() -> None:
    """A killed child's children become ours, so this ends when there are none left."""
    while True:
        children = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if parent_of(pid) == os.getpid()]
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        if not children:
            return


def parent_of(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


sys.exit(main())
