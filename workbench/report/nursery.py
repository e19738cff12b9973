"""Kernels forked from one process that has made the imports: the notebooks of a report pay for them once, not each.

That process has one thread while it imports and forks, or forks nothing. Where there is none (another system than Linux, it died), a kernel
starts as it always does. A forked kernel has an environment, folder, session and event loop of its own and shares no state with another.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Any

from jupyter_client.provisioning import LocalProvisioner

if TYPE_CHECKING:
    from jupyter_client import AsyncKernelManager

IMPORTS = ("altair", "ibis.backends.duckdb", "ipykernel.kernelapp", "IPython.core.completer", "pyarrow.dataset",
           "scipy.sparse.csgraph", "scipy.special")
OF_REPORTS = ("cli", "report", "review")    # parts of the package that notebooks do not compute with
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


class Forked:
    """A forked kernel, with what is used of `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, nursery: Nursery) -> None:
        self.pid, self._nursery, self._code = pid, nursery, None

    def poll(self) -> int | None:
        """What it ended with, minus a signal's number where one ended it; None while it lives."""
        if self._code is None:
            self._code = self._nursery.ask(ended=self.pid)
        return self._code

    def wait(self) -> int | None:
        """As `poll`, of a kernel that has ended."""
        return self.poll()

    def send_signal(self, number: int) -> None:
        """A signal to it alone; none to what has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class Nursed(LocalProvisioner):
    """What starts and ends one kernel of a nursery; where it has none, one in a process of its own."""

    def __init__(self, kernel: AsyncKernelManager, nursery: Nursery) -> None:
        super().__init__(kernel_id="", kernel_spec=kernel.kernel_spec, parent=kernel)
        self._nursery = nursery

    async def launch_kernel(self, cmd: list[str], **options: Any) -> dict[str, Any]:
        """The kernel that `cmd` would start."""
        pid = self._nursery.ask(argv=cmd[cmd.index("-f"):], cwd=options["cwd"], env=options["env"])
        if not pid:
            return await super().launch_kernel(cmd, **options)
        self.process, self.pid, self.pgid = Forked(pid, self._nursery), pid, pid
        return self.connection_info


def serve(descriptor: int) -> None:
    """Import, then answer one question a line until the run is gone: the process of a new kernel, or what a kernel ended with."""
    import workbench

    sys.path[:] = [place for place in sys.path if place]
    own = [module.name for module in walk_packages(workbench.__path__, "workbench.")]
    for name in (*IMPORTS, *(name for name in own if name.split(".")[1] not in OF_REPORTS)):
        import_module(name)
    gc.collect()
    gc.freeze()
    link = socket.socket(fileno=descriptor)
    for line in link.makefile("r"):
        asked = json.loads(line)
        if "argv" in asked:
            answer = fork(descriptor, **asked)
        else:
            pid, status = os.waitpid(asked["ended"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        link.sendall(json.dumps(answer).encode() + b"\n")


def fork(descriptor: int, *, argv: list[str], cwd: str, env: dict[str, str]) -> int:
    """The process of a kernel with these arguments; 0 where another thread might hold a lock that the copy would wait for."""
    if len(os.listdir("/proc/self/task")) > 1:
        return 0
    if pid := os.fork():
        return pid
    try:
        from ipykernel.kernelapp import IPKernelApp

        os.close(descriptor)
        os.setsid()
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
