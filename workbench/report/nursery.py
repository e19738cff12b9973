"""Kernels forked from one process that has made the imports and read the ratings: the notebooks of a report pay for them once, not each.

That process has one thread while it imports and forks, or forks nothing. Where there is none (another system than Linux, it died), a kernel
starts as it always does. A forked kernel has an environment, folder, session and event loop of its own and shares no state with another.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

IMPORTS = ("altair", "ipykernel.kernelapp", "IPython.core.completer", "scipy.sparse.csgraph", "scipy.special")
OF_REPORTS = ("cli", "report", "review")    # parts of the package that notebooks do not compute with
RARELY = 50_000       # objects made between two looks for such as only hold each other
PATIENCE = 60.0       # seconds in which the imports should be done
ONE_THREAD = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}    # an allocator of Arrow, unused, would start a second at import


class Nursery:
    """The process as the run sees it. environment: what it sees while it imports."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._turn, (self._link, theirs) = threading.Lock(), socket.socketpair()
        self._link.settimeout(PATIENCE)
        self._answers = self._link.makefile("r")
        with theirs:
            code = f"from workbench.report.nursery import serve; serve({theirs.fileno()})"
            self._process = subprocess.Popen([sys.executable, "-c", code], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                                             env=environment | ONE_THREAD, start_new_session=True)

    def ask(self, **what: object) -> int | None:
        """The answer to a question that `serve` takes; 0 where there is nobody to answer."""
        with self._turn, suppress(OSError, ValueError):
            self._link.sendall(json.dumps(what).encode() + b"\n")
            return json.loads(self._answers.readline())
        return 0

    def close(self) -> None:
        """End it."""
        self._answers.close()
        self._link.close()
        self._process.kill()
        self._process.wait()


def serve(descriptor: int) -> None:
    """Import, then answer one question a line until the run is gone: the process of a new kernel, what a kernel ended with, or nothing
    once what is to be read is."""
    import workbench

    gc.disable()    # nothing is to be found among modules
    gc.set_threshold(RARELY, 20, 20)
    sys.path[:] = [place for place in sys.path if place]
    own = [module.name for module in walk_packages(workbench.__path__, "workbench.")]
    for name in (*IMPORTS, *(name for name in own if name.split(".")[1] not in OF_REPORTS)):
        import_module(name)
    gc.freeze()
    link = socket.socket(fileno=descriptor)
    for line in link.makefile("r"):
        asked = json.loads(line)
        if "argv" in asked:
            answer = fork(descriptor, **asked)
        elif "read" in asked:
            answer = prepare(**asked)
        else:
            pid, status = os.waitpid(asked["ended"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        link.sendall(json.dumps(answer).encode() + b"\n")


def prepare(read: str, terms: Mapping[str, object], kept: bool, **how: Any) -> None:
    """Read for all kernels to come what is read without an engine; for the rest, import it."""
    import workbench
    from workbench.privacy import Terms, under
    from workbench.store.recalled import share

    if kept:
        with under(Terms(**terms)):
            ratings = workbench.read(read, **how)
        ratings.check()
        share(ratings.source)
    else:
        import_module("ibis.backends.duckdb")
    gc.freeze()


def fork(descriptor: int, *, argv: list[str], cwd: str, env: dict[str, str], log: str = os.devnull) -> int:
    """The process of a kernel with these arguments; 0 where another thread might hold a lock that the copy would wait for."""
    if len(os.listdir("/proc/self/task")) > 1:
        return 0
    if pid := os.fork():
        return pid
    try:
        from ipykernel.kernelapp import IPKernelApp

        gc.enable()
        os.close(descriptor)
        os.setsid()
        told = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(told, 2)
        faulthandler.enable(told)       # not 2, which the kernel makes a pipe that nobody reads once it has crashed
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        sys.argv = ["ipykernel_launcher", *argv, f"--IPKernelApp.parent_handle={os.getppid()}"]
        IPKernelApp.launch_instance()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(1)     # nothing of the process it is a copy of is to be closed or flushed by it
