"""What a run is asked for, and its start: what takes long to import is imported beside the process that kernels are copied from."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import ParameterError, ReportError, shorten
from workbench.report.kernels import nursing
from workbench.report.pack import Pack, find_workspace, load_pack
from workbench.report.parameters import check_parameters
from workbench.store.history import pin

if TYPE_CHECKING:
    from workbench.report.artefact import Run
    from workbench.report.live import Event
    from workbench.report.nursery import Nursery


@dataclass(frozen=True)
class Order:
    """What was asked for, checked. `data` is absolute, and names a version where there are any, so that all notebooks read the same;
    `given` is what decides content: parameters, columns, exclude, seed. Catching up, no period was named."""

    root: Path
    pack: Pack
    data: Path
    given: Mapping[str, object]
    engine: str
    jobs: int
    force: bool
    progress: Callable[[Event], None]
    stop: threading.Event = field(default_factory=threading.Event)
    catching_up: bool = False
    nursery: Nursery | None = None


def run(name: str, *, workspace: str | Path | None = None, data: str | Path | None = None, period: str | None = None,
        since: str | None = None, parameters: Mapping[str, object] | None = None, columns: Mapping[str, str] | None = None,
        exclude: Mapping[str, object] | None = None, engine: str | None = None, seed: int = 0, jobs: int | None = None,
        force: bool = False, progress: Callable[[Event], None] | None = None) -> list[Run]:
    """Make the report of a pack or of one notebook: of one period, of each complete week from `since` on, or of the weeks that are missing.

    name: a pack (`reports/NAME.toml`) or a notebook (`notebooks/NAME.ipynb`) of `workspace` (default: the nearest upward).
    data: any file or dataset folder that `workbench.read` takes; default: the pack's own. Of a Delta table one version is read, the
        one that DATA@VERSION names or the latest, whatever is appended meanwhile; the manifest names it under `data`.
    period: "2026-W46" or "2026-11"; default: the last complete week in the data, with those since the last one made, and those that failed
        less than three times; a week that has a report is then made again only when its own ratings, the rubrics or the code changed.
    parameters: for the notebooks; each must be taken by one at least, in its type.
    columns, exclude, engine: as for `workbench.read`. seed: for all random draws.
    jobs: how many notebooks run at once; default: one per core. progress: called with an `Event` for each step.

    A report that is already there, of the same version, is not made again unless `force`. A notebook that fails leaves
    the others to finish, and the report in `VERSION.failed/`; the next run, as after one that was killed, runs what is not finished.

    Errors: `ParameterError` before anything is run or written, for an unknown or ill-typed name, parameter or period;
    `RatingsError` for bad data; `ReportError` when a notebook failed.
    """
    root = find_workspace(workspace)
    pack = load_pack(name, workspace=root)
    check_parameters(dict(parameters or {}), declared=pack.declared)
    if period and since:
        raise ParameterError("period and since were both given. Give one of them.")
    place = pin(Path(data).absolute() if data else root / pack.data)
    with nursing(len(pack.notebooks)) as nursery:
        from workbench.report.make import made
        from workbench.report.private import read_under, told_exclude

        given = {"parameters": dict(parameters or {}), "columns": dict(columns or {}), "exclude": told_exclude(exclude, pack.private),
                 "seed": seed}
        order = Order(root, pack, place, given, engine or "", jobs or os.cpu_count() or 1, force, progress or (lambda event: None),
                      catching_up=not (period or since), nursery=nursery)
        ratings = read_under(pack.private, place, columns=columns, exclude=given["exclude"], engine=engine)
        found = made(order, ratings, period=period, since=since)
    runs = [run for run in found if not (run.failed and run.reused)]
    with suppress(ReportError, OSError):    # an old report that cannot be read, or a disk now full, is no fault of these
        from workbench.report.shelf import write_shelf

        write_shelf(root)
    try:
        if pack.lineage:
            from workbench.report.lineage_events import write_lineage

            write_lineage(runs, to=pack.lineage, ratings=ratings, workspace=root)
    finally:
        _raise_for_failed([*runs, *(run for run in found[-1:] if run not in runs)], root)
    return runs


def _raise_for_failed(runs: list[Run], root: Path) -> None:
    from workbench.report.log import log_name
    from workbench.report.standing import passed_over

    said = []
    for run in runs:
        read = f"{run.index.relative_to(root).as_posix()} and, beside it, {' and '.join(map(log_name, run.failed))}"
        if run.failed and run.reused:
            said.append(f"{run.pack} {run.period}: {passed_over(run)}. Read {read}.")
        elif run.failed:
            said.append(f"{run.pack} {run.period}: {len(run.failed)} of its notebooks failed: "
                        + "; ".join(f"{name} ({shorten(why, 200)})" for name, why in run.failed.items())
                        + f". Read {read}; mend the cause, and run again.")
    if said:
        raise ReportError(" ".join(said))
