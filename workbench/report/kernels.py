"""One notebook in one kernel: this interpreter, no network port, no user's start-up files, bounded in time and memory."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import workbench

if TYPE_CHECKING:
    from workbench.report.nursery import Nursery

# A kernel has one core to itself: five that each start a thread per core slow one another down.
THREADS = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM", "NUMEXPR")}
SOCKET_LIMIT = 70  # a socket's whole path ends at about 104 characters; ours add 34 to the folder's
POLL = 0.2
MAX_OUTPUT = 20_000_000  # characters that one notebook may put out; a page shows far fewer, and all are held in memory


@dataclass(frozen=True)
class Limits:
    """What one notebook may use: `timeout` in seconds, `memory` in gigabytes; it ends at once when `stop` is set."""

    timeout: float
    memory: float
    stop: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Executed:
    """A notebook after its run: its JSON with outputs, seconds taken, and `error` as one line ("" when it is whole)."""

    notebook: Mapping
    seconds: float
    error: str = ""


def execute(notebook: Mapping, *, parameters: Mapping[str, object], folder: Path, limits: Limits,
            on_cell: Callable[[int], None], environment: Mapping[str, str] | None = None, nursery: Nursery | None = None,
            log: Path = Path(os.devnull)) -> Executed:
    """Run a notebook in `folder` with `parameters`; a failure is part of what comes back, with the cells that ran.

    `on_cell` is told the index of each cell as it starts. environment: variables of its process beside this one's. nursery: whence it is.
    log: the file that gets what its process itself writes to stderr.
    """
    import nbformat
    from papermill import execute_notebook

    if not logging.getLogger("papermill").handlers:     # what it says of a dead kernel is in `error`, told once
        logging.getLogger("papermill").addHandler(logging.NullHandler())
    started = time.monotonic()
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    source = nbformat.from_dict(nbformat.validator.normalize(dict(notebook) | {"metadata": metadata})[1])
    with _room() as room, _loop(), _kernel(room, folder, environment or {}, nursery, log) as kernel, \
            _guard(kernel.provisioner.pid, limits) as broken:
        _bound_output(kernel, broken)
        process, held, error = kernel.provisioner.process, {}, ""
        try:
            execute_notebook(source, None, parameters=dict(parameters), engine_name=_engine(), held=held, progress_bar=False, km=kernel,
                             kernel_name="python3", iopub_timeout=max(int(limits.timeout), 1),
                             on_cell_start=lambda cell, cell_index: on_cell(cell_index))
        except Exception as failure:  # whatever ended it belongs on the notebook's page; the run then fails by it
            error = broken[0] if broken else _one_line(failure, process.poll())
    return Executed(held or source, time.monotonic() - started, error)


@dataclass(frozen=True)
class Sealed:
    """JSON of a message, a chart's: the runner would copy it part by part, and hold it against a schema."""

    content: Mapping


def unsealed(cell: Mapping) -> dict[str, Any]:
    """A cell with what its outputs hold sealed."""
    if "outputs" not in cell:
        return dict(cell)
    outputs = [dict(output) | ({"data": {kind: part.content if isinstance(part, Sealed) else part for kind, part in output["data"].items()}}
                               if "data" in output else {}) for output in cell["outputs"]]
    return dict(cell) | {"outputs": outputs}


def _engine() -> str:
    """The runner's own engine, the notebook held in memory: a file written after each cell costs more than the cells, and one that was
    never written is not there when the kernel dies. What the runner then writes, to nowhere, is without outputs."""
    from papermill.engines import NBClientEngine, papermill_engines

    class Held(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, *, held: dict, **options: Any) -> None:
            """Run it; `held` is it as it ended."""
            try:
                super().execute_managed_notebook(nb_man, kernel_name, **options)
            finally:
                held |= dict(nb_man.nb) | {"cells": [unsealed(cell) for cell in nb_man.nb.cells]}
                for cell in (cell for cell in nb_man.nb.cells if "outputs" in cell):
                    cell.outputs = [output for output in cell.outputs if output.output_type == "error"]

    papermill_engines.register("held", Held)
    return "held"


def _one_line(failure: Exception, code: int | None) -> str:
    name = getattr(failure, "ename", type(failure).__name__)
    text = str(getattr(failure, "evalue", failure)).strip()
    if name == "DeadKernelError":
        if code == -signal.SIGKILL:
            return "its Python process was killed, as it is when the machine has no memory left"
        crashed = f", by {signal.Signals(-code).name}: something in it crashed" if code and code < 0 else ""
        return f"its Python process ended by itself{crashed}"
    return f"{name}: {text}" if text else name


@contextmanager
def _room() -> Iterator[Path]:
    """A private folder whose path is short enough for sockets."""
    short = len(tempfile.gettempdir()) <= SOCKET_LIMIT - 12
    room = Path(tempfile.mkdtemp(prefix="wb-", dir=None if short else "/tmp"))
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


@contextmanager
def _loop() -> Iterator[None]:
    """This thread's event loop, which the libraries below open and do not close."""
    from jupyter_core.utils import ensure_event_loop

    with closing(ensure_event_loop()):
        yield


@contextmanager
def _kernel(room: Path, folder: Path, environment: Mapping[str, str], nursery: Nursery | None, log: Path) -> Iterator:
    """A started kernel of this very interpreter, talking over sockets in `room`; killed at the end."""
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpecManager
    from nbclient.util import run_sync

    specs = KernelSpecManager(kernel_dirs=[])
    kernel = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs, transport="ipc",
                                connection_file=str(room / "kernel.json"))
    connect, clients = kernel.client, []
    # The runner leaves the client of a kernel it was handed open: it is remembered here, to be closed.
    kernel.client = lambda **options: clients.append(connect(**options)) or clients[-1]
    if nursery:
        from workbench.report.nursed import Nursed

        kernel.provisioner = Nursed(kernel, nursery)
    with log.open("ab") as told:
        run_sync(kernel.start_kernel)(cwd=str(folder), env=_environment() | {"IPYTHONDIR": str(room)} | environment, stderr=told,
                                      extra_arguments=["--HistoryManager.enabled=False"])
    try:
        yield kernel
    finally:
        for client in clients:
            client.stop_channels()
        run_sync(kernel.shutdown_kernel)(now=True)


def _bound_output(kernel: Any, broken: list[str]) -> None:
    """End the process once it has put out more than `MAX_OUTPUT`; `broken` then holds why."""
    import psutil

    connect, total = kernel.client, 0

    def client(**options: Any) -> Any:
        """A client whose output is counted as it comes."""
        made = connect(**options)
        receive = made.iopub_channel.get_msg

        async def counted(timeout: float | None = None) -> dict:
            nonlocal total
            brief = timeout is not None and timeout < 1     # whoever connects waits so long until nothing more comes
            message = await receive(timeout=timeout / 10 if brief else timeout)
            content = message["content"]
            room, total = max(MAX_OUTPUT - total, 0), total + sum(
                len(str(part)) for part in (content.get("text", ""), *content.get("data", {}).values()))
            if "text" in content:
                content["text"] = content["text"][:room]
            if message["msg_type"] in ("display_data", "execute_result", "update_display_data"):
                content["data"] = {kind: Sealed(part) if isinstance(part, dict) else part for kind, part in content["data"].items()}
            if total > MAX_OUTPUT and not broken:
                broken.append(f"it put out more than {MAX_OUTPUT / 1e6:g} million characters")
                with suppress(psutil.NoSuchProcess):
                    psutil.Process(kernel.provisioner.pid).kill()
            return message

        made.iopub_channel.get_msg = counted
        return made

    kernel.client = client


@contextmanager
def nursing(n_notebooks: int) -> Iterator[Nursery | None]:
    """A nursery for the notebooks run meanwhile; None where kernels cannot be forked, or one that starts by itself is as soon there."""
    if n_notebooks < 2 or not sys.platform.startswith("linux"):
        yield None
        return
    from workbench.report.nursery import Nursery

    with closing(Nursery(_environment())) as nursery:
        yield nursery


def _environment() -> dict[str, str]:
    own = {"PYTHONHASHSEED": "0", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    home = str(Path(workbench.__path__[0]).parent)
    if home != sysconfig.get_path("purelib"):
        own["PYTHONPATH"] = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
    return {**os.environ, **THREADS, **own}


@contextmanager
def _guard(pid: int, limits: Limits) -> Iterator[list[str]]:
    """End the process when it takes too long or too much; the list then holds why."""
    over, broken = threading.Event(), []
    watch = threading.Thread(target=_watch, args=(pid, limits, over, broken), daemon=True)
    watch.start()
    try:
        yield broken
    finally:
        over.set()
        watch.join()


def _watch(pid: int, limits: Limits, over: threading.Event, broken: list[str]) -> None:
    import psutil

    started = time.monotonic()
    while not over.wait(POLL):
        try:
            process = psutil.Process(pid)
            used = process.memory_info().rss / 1e9
        except psutil.NoSuchProcess:
            return
        if limits.stop.is_set():
            broken.append("it was stopped")
        elif used > limits.memory:
            broken.append(f"it took more than its {limits.memory:g} GB of memory (`memory` in the pack)")
        elif time.monotonic() - started > limits.timeout:
            broken.append(f"it ran longer than its {limits.timeout:g} seconds (`timeout` in the pack)")
        if broken:
            process.kill()
            return
