"""Desks of several processes: one is killed, two race through a queue; the store holds exactly what was decided."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import workbench as wb
from workbench.review import journal

KILLED = """
import os, sys
import workbench as wb
desk = wb.review.Desk(wb.read(sys.argv[1]), reviewer="mara", into=sys.argv[1], kind="audit", seed=4)
for k in range(3):
    desk.decide(desk.levels[0] if desk.levels else 50)
    desk.next()
print(desk.unit, flush=True)
os.kill(os.getpid(), 9)
"""


def run_desk(folder: str, name: str) -> list[str]:
    """Decide whatever comes; what was decided."""
    desk, done = wb.review.Desk(wb.read(folder), reviewer=name, into=folder, second_share=0), []
    for _ in range(200):
        if desk.unit is None:
            journal.REREAD = 0
            if desk.next() is None and "screen" not in desk.message:
                break
            continue
        desk.decide(desk.levels[0] if desk.levels else 50)
        done.append(desk.unit.item_id + desk.unit.criterion)
        desk.next()
    return done


def test_a_killed_process_loses_nothing_but_its_lease(desk: Callable, folder: Path) -> None:
    process = subprocess.run([sys.executable, "-c", KILLED, str(folder)], capture_output=True, text=True, env=os.environ)
    assert process.returncode == -9, process.stderr
    mara = desk(kind="audit", seed=4)
    assert str(mara.unit) == process.stdout.strip() and mara.progress.n_decided == 3 and mara.progress.n_left == 8


def test_a_desk_decides_among_many_processes_without_loss(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        done = pool.starmap(run_desk, [(str(folder), name) for name in ("mara", "ben")])
    table = wb.read(folder).where(rater_kind="adjudicator").to_pandas(limit=None)
    assert sorted(table["item_id"] + table["criterion"]) == sorted(sum(done, []))
    assert len(set(sum(done, []))) == len(sum(done, [])) == 11
