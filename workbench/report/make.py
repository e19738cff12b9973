"""From a pack and data to a report: check, choose the period, run the notebooks, put the artefact in place."""

from __future__ import annotations

import datetime as dt
import os
import platform
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import workbench
from workbench.check.battery import check_ratings
from workbench.errors import ParameterError, ReportError, shorten
from workbench.ratings import Ratings
from workbench.report.artefact import Run, is_complete, publish, revises, seal, staging
from workbench.report.collect import fingerprint, gather, read_saved
from workbench.report.effect import rubrics_of, seen_before, told_actions
from workbench.report.gates import judge
from workbench.report.halfway import clear, keep, take
from workbench.report.kernels import Executed, Limits, execute, nursing
from workbench.report.lineage_events import write_lineage
from workbench.report.live import DONE, FAILED, RUNNING, WAITING, Event
from workbench.report.loop import rebaselined
from workbench.report.pack import Notebook, Pack, find_workspace, load_pack
from workbench.report.parameters import check_parameters
from workbench.report.period import choose_period, periods_due, periods_made, weeks_since
from workbench.report.reused import reused
from workbench.report.private import read_under, scrubber, stated, told_exclude
from workbench.report.scrub import Scrub, clean_notebook, scrub_table, scrub_tree
from workbench.report.shelf import write_shelf
from workbench.report.site import Report, Section, write_site
from workbench.report.standing import standing
from workbench.report.version import code_hashes, package_versions, version
from workbench.store.history import pin, pinned

if TYPE_CHECKING:
    from workbench.report.nursery import Nursery

NOT_SAVED = "it ended without wb.report.save(findings=..., estimates=..., out=out)"


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
    period: "2026-W46" or "2026-11"; default: the last complete week in the data, with those since the last one made, and those that failed;
        a week of which a report is there is then made again only when its own ratings, the rubrics or the code changed.
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
    given = {"parameters": dict(parameters or {}), "columns": dict(columns or {}), "exclude": told_exclude(exclude, pack.private),
             "seed": seed}
    check_parameters(given["parameters"], declared=pack.declared)
    if period and since:
        raise ParameterError("period and since were both given. Give one of them.")
    order = Order(root, pack, pin(Path(data).absolute() if data else root / pack.data), given, engine or "",
                  jobs or os.cpu_count() or 1, force, progress or (lambda event: None), catching_up=not (period or since))
    with nursing(len(pack.notebooks)) as nursery:       # its imports go on beside what comes first here
        ratings = read_under(pack.private, order.data, columns=columns, exclude=exclude, engine=engine)
        ratings.check()
        periods = _periods(order, ratings, period=period, since=since)
        runs = [_make(replace(order, nursery=nursery), ratings, one) for one in periods]
    with suppress(ReportError, OSError):    # an old report that cannot be read, or a disk now full, is no fault of these
        write_shelf(root)
    try:
        if pack.lineage:
            write_lineage(runs, to=pack.lineage, ratings=ratings, workspace=root)
    finally:
        _raise_for_failed(runs, root)
    return runs


def _periods(order: Order, ratings: Ratings, *, period: str | None, since: str | None) -> list[str]:
    """The periods to make reports of."""
    if since or period:
        return weeks_since(ratings, since=since) if since else [choose_period(ratings, period=period)]
    made, lost = periods_made(order.root / "reports" / order.pack.name, data=order.data.name, given=order.given)
    return periods_due(ratings, made=made, failed=lost)


def _raise_for_failed(runs: list[Run], root: Path) -> None:
    failed = [run for run in runs if run.failed]
    if failed:
        raise ReportError(" ".join(
            f"{run.pack} {run.period}: {len(run.failed)} of its notebooks failed: "
            + "; ".join(f"{name} ({shorten(why, 200)})" for name, why in run.failed.items())
            + f". Read {run.index.relative_to(root).as_posix()}, mend the cause, and run again." for run in failed))


def _make(order: Order, ratings: Ratings, period: str) -> Run:
    """The report of one period, made unless it is there."""
    order = replace(order, pack=rebaselined(order.pack, period))
    pack, snapshot = order.pack, ratings.snapshot
    past = seen_before(order.root, pack.name, period, pack.actions)
    own = version(pack, period=period, snapshot=snapshot, given=order.given, past=past)
    target = order.root / "reports" / pack.name / period / own
    if is_complete(target) and not order.force:
        return Run(pack.name, period, own, target, reused=True)
    if order.catching_up and not order.force and \
            (there := standing(target.parent, ratings, pack=pack, period=period, given=order.given, past=past)):
        return Run(pack.name, period, there, target.with_name(there), reused=True)
    started, clock = dt.datetime.now(dt.timezone.utc), time.monotonic()
    with staging(order.root) as work:
        built, out = work / "report", work / "out"
        (built / "notebooks").mkdir(parents=True)
        places = {str(place): Path(place).name for place in (order.data, pinned(order.data)[0])}
        scrub = scrubber({str(out): "out", **places, str(order.root): "."}, pack.private, order.data, columns=order.given["columns"],
                         engine=order.engine or None)
        sections, tables, checks = run_notebooks(order, ratings.until(period), period, out, scrub)
        findings, estimates = gather(tables)
        failed = {s.name: s.error for s in sections if s.error}
        gates = judge(pack.gates, findings=findings, estimates=estimates, checks=checks, failed=list(failed))
        actions = scrub_tree(told_actions(pack.actions, past=past, findings=findings, period=period, looked=set(tables),
                                          rubrics=rubrics_of(snapshot.rubrics, estimates)), scrub)
        of_period = ratings.period(period)
        data = {"fingerprint": fingerprint(of_period) if period != "undated" else ""}
        report = Report(pack=pack.name, title=pack.title, period=period, version=own, made=started.isoformat(timespec="seconds"),
                        snapshot=asdict(snapshot), filters=scrub_tree(ratings.excluded(), scrub), n_period=of_period.count(),
                        given=scrub_tree(order.given, scrub), packages={"python": platform.python_version(), **package_versions()},
                        sections=tuple(sections), findings=findings, estimates=estimates, gates=tuple(gates), actions=tuple(actions),
                        revises=revises(target.parent, data["fingerprint"], order.given), checks=tuple(checks),
                        private=stated(pack.private, findings, estimates), n_unread=ratings.count() - ratings.until(period).count())
        report = write_site(built, report)
        failed = {s.name: s.error for s in report.sections if s.error}
        said = {"said": [action.recorded for action in pack.actions], "past": past, "told": actions}
        further = data | {"private": report.private, "checks": checks, "gates": gates, "actions": said}
        seal(built, scrub_tree(_manifest(order, report, clock) | further, scrub))
        place = target.with_name(f"{own}.failed")
        shutil.rmtree(place, ignore_errors=True)
        place = place if failed else target
        publish(built, place, replace=order.force and not failed)
    if not failed:
        clear(order.root, keys_of(order, ratings, period))
    return Run(pack.name, period, own, place, failed)


def run_notebooks(order: Order, ratings: Ratings, period: str, out: Path,
                   scrub: Scrub) -> tuple[list[Section], dict[str, tuple], list[dict[str, object]]]:
    """Every notebook of the pack, several at a time, as a section of the report; what each saved; and the checks, run meanwhile."""
    import papermill    # noqa: F401  before there are threads, which share the filters of warnings that its imports set

    for notebook in order.pack.notebooks:
        order.progress(Event(period, notebook.name, WAITING))
    with ThreadPoolExecutor(order.jobs) as pool:
        keys = keys_of(order, ratings, period)
        work = [pool.submit(_section, order, n, period, out / n.name, scrub, key) for n, key in zip(order.pack.notebooks, keys)]
        try:
            checks = [{"check": o.name, "outcome": o.outcome, "required": o.required, "text": scrub(o.text)}
                      for o in check_ratings(ratings)]
            wait(work)
        except BaseException:  # Ctrl-C ends the kernels at once, so that none writes after the run
            order.stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    done = [one.result() for one in work]
    return [section for section, _ in done], {section.name: tables for section, tables in done if not section.error}, checks


def keys_of(order: Order, ratings: Ratings, period: str) -> list[str]:
    """What names each notebook's results: the version of a report of it alone, whatever is done about what it finds."""
    alone = [replace(order.pack, notebooks=(notebook,), gates=(), actions=()) for notebook in order.pack.notebooks]
    return [version(pack, period=period, snapshot=ratings.snapshot, given=order.given) for pack in alone]


def _section(order: Order, notebook: Notebook, period: str, out: Path, scrub: Scrub, key: str) -> tuple[Section, tuple]:
    """One notebook as a section, with what it saved: run, unless another version of the report, or a run that did not end whole, has it."""
    made = order.root / "reports" / order.pack.name / period
    if not order.force and (found := take(order.root, key) or reused(made, notebook.name, key)):
        found = replace(found[0], key=key), found[1]
        order.progress(Event(period, notebook.name, DONE, seconds=found[0].seconds))
        return found
    done = _run_notebook(order, notebook, period, out)
    saved = read_saved(out)
    error = done.error or ("" if saved else NOT_SAVED)
    values = {p.name: p.default for p in notebook.declared.values()} | _values(order, notebook, period, "") | {"data": order.data.name}
    values = scrub_tree(values, scrub)
    content = clean_notebook(done.notebook, scrub, order.pack.private.min_cell)
    section = Section(notebook.name, content, round(done.seconds, 2), scrub(error), values, key=key)
    tables = () if error else tuple(scrub_table(table, scrub) for table in saved)
    if not error:
        keep(order.root, key, section, tables)
    return section, tables


def _run_notebook(order: Order, notebook: Notebook, period: str, out: Path) -> Executed:
    n_cells = len(notebook.content["cells"])

    def on_cell(index: int) -> None:
        order.progress(Event(period, notebook.name, RUNNING, min(index + 1, n_cells), n_cells))

    order.progress(Event(period, notebook.name, RUNNING, 0, n_cells))
    done = execute(notebook.content, parameters=_values(order, notebook, period, str(out)), folder=order.root / "notebooks",
                   limits=Limits(order.pack.timeout, order.pack.memory, order.stop), on_cell=on_cell,
                   environment=order.pack.private.environment, nursery=order.nursery)
    state = FAILED if done.error else DONE
    order.progress(Event(period, notebook.name, state, n_cells, n_cells, done.seconds, done.error))
    return done


def _values(order: Order, notebook: Notebook, period: str, out: str) -> dict[str, object]:
    """What the notebook is told: the pack's parameters, those given that it takes, and those every run sets."""
    inside = order.data.is_relative_to(order.root)
    data = os.path.relpath(order.data, order.root / "notebooks") if inside else str(order.data)
    asked = {name: value for name, value in order.given["parameters"].items() if name in notebook.declared}
    return {**notebook.parameters, **asked, "data": data, "columns": order.given["columns"], "exclude": order.given["exclude"],
            "period": period, "engine": order.engine, "seed": order.given["seed"], "out": out}


def _manifest(order: Order, report: Report, clock: float) -> dict[str, object]:
    notebooks = {s.name: {"status": FAILED if s.error else DONE, "seconds": s.seconds, "error": s.error,
                          "parameters": s.parameters, "key": s.key}
                 for s in report.sections}
    return {"pack": report.pack, "title": report.title, "period": report.period, "version": report.version,
            "status": "failed" if any(s.error for s in report.sections) else "complete",
            "started": report.made, "ended": dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - clock, 2), "data": order.data.name, "snapshot": report.snapshot, "filters": report.filters,
            "n_ratings_in_period": report.n_period, "n_ratings_unread": report.n_unread, "given": report.given,
            "commit": _commit(order.root),
            "packages": report.packages, "code": code_hashes(order.pack), "notebooks": notebooks,
            "findings": dict(Counter(report.findings["severity"])), "revises": report.revises}


def _commit(root: Path) -> str:
    """The workspace's git commit, "" where there is none."""
    if not shutil.which("git"):
        return ""
    asked = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return asked.stdout.strip() if asked.returncode == 0 else ""
