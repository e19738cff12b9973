"""Progress: plain lines in a log, one line per notebook on a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from workbench.report import show_progress
from workbench.report.live import DONE, FAILED, RUNNING, WAITING, Event

STEPS = [Event("2026-W46", "drift", WAITING), Event("2026-W46", "drift", RUNNING, 0, 9), Event("2026-W46", "drift", RUNNING, 4, 9),
         Event("2026-W46", "drift", DONE, 9, 9, 2.04), Event("2026-W46", "rubric", FAILED, 9, 9, 1.0, "KeyError: '[bold]'")]


def shown(*, terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
    with show_progress(console=console) as tell:
        for step in STEPS:
            tell(step)
    return console.file.getvalue()


def test_a_log_gets_one_line_as_a_notebook_starts_and_one_as_it_ends() -> None:
    assert shown(terminal=False).splitlines() == [
        "2026-W46 drift: running", "2026-W46 drift: done in 2.0 s", "2026-W46 rubric: failed after 1.0 s: KeyError: '[bold]'"]


def test_a_terminal_ends_with_one_line_per_notebook() -> None:
    last = shown(terminal=True).split("\x1b[2K")[-1]
    assert last.count("drift") == 1 and "done in 2.0 s" in last and "KeyError: '[bold]'" in last
