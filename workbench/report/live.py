"""How a run tells where it is: one event per step, shown as a line per notebook that changes, or as plain lines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WAITING, RUNNING, DONE, FAILED, PASSED = "waiting", "running", "done", "failed", "passed over"
STYLES = {WAITING: "dim", RUNNING: "cyan", DONE: "green", FAILED: "bold red", PASSED: "bold yellow"}


@dataclass(frozen=True)
class Event:
    """One step of a run: a notebook waits, runs its cell `cell` of `n_cells`, is done, or failed with `error`; or a period is passed over,
    which `error` then explains."""

    period: str
    notebook: str
    state: str
    cell: int = 0
    n_cells: int = 0
    seconds: float = 0.0
    error: str = ""

    def __str__(self) -> str:
        return {WAITING: "waiting", RUNNING: f"running, cell {self.cell} of {self.n_cells}",
                DONE: f"done in {self.seconds:.1f} s",
                FAILED: f"failed after {self.seconds:.1f} s: {self.error}", PASSED: self.error}[self.state]


@contextmanager
def show_progress(*, console: Console | None = None) -> Iterator[Callable[[Event], None]]:
    """A callback for `run(progress=)`: on a terminal a table kept up to date, elsewhere a line as a notebook starts and ends."""
    from rich.console import Console
    from rich.live import Live

    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield lambda event: _print_line(event, console)
        return
    latest: dict[tuple[str, str], Event] = {}
    lock = threading.Lock()
    with Live(console=console, refresh_per_second=8) as live:
        def show(event: Event) -> None:
            with lock:
                latest[event.period, event.notebook] = event
                live.update(_table(latest))

        yield show


def _print_line(event: Event, console: Console) -> None:
    if event.state in (DONE, FAILED, PASSED) or (event.state == RUNNING and event.cell == 0):
        said = "running" if event.state == RUNNING else str(event)
        console.print(f"{event.period} {event.notebook}".strip() + f": {said}", markup=False, highlight=False, soft_wrap=True)


def _table(latest: dict[tuple[str, str], Event]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for (period, notebook), event in latest.items():
        table.add_row(Text(period, style="dim"), Text(notebook), Text(str(event), style=STYLES[event.state]))
    return table
