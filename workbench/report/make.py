"""From ratings to reports: choose the periods, run the notebooks, put each artefact in place."""

from __future__ import annotations

import datetime as dt
import math
import os
import platform
import shutil
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, replace
from pathlib import Path

from workbench.check.battery import check_ratings
from workbench.ratings import Ratings
from workbench.report.artefact import OF_FAILED, Run, is_complete, newest, publish, revises, seal, staging
from workbench.report.collect import fingerprint, gather, read_saved
from workbench.report.effect import changes, rubrics_of, seen_before, told_actions
from workbench.report.gates import judge
from workbench.report.halfway import clear, keep, take
from workbench.report.kernels import Executed, Limits, execute
from workbench.report.live import DONE, FAILED, PASSED, RUNNING, WAITING, Event
from workbench.report.log import log_name, write_logs
from workbench.report.loop import rebaselined
from workbench.report.order import Order
from workbench.report.pack import Notebook
from workbench.report.period import choose_period, periods_due, periods_made, weeks_since
from workbench.report.reused import reused
from workbench.report.private import scrubber, stated
from workbench.report.scrub import Scrub, clean_notebook, scrub_table, scrub_tree
from workbench.report.site import Report, Section, laid_out, write_site
from workbench.report.standing import alike, given_up, passed_over, standing, tries
from workbench.report.version import code_hashes, package_versions, version
from workbench.store.history import pinned
from workbench.store.recalled import is_kept

NOT_SAVED = "it ended without wb.report.save(findings=..., estimates=..., out=out)"


def made(order: Order, ratings: Ratings, *, period: str | None, since: str | None) -> list[Run]:
    """The reports asked for, of these ratings, those that are there among them."""
    ratings.check()
    return [_make(order, ratings, one) for one in _periods(order, ratings, period=period, since=since)]


def _periods(order: Order, ratings: Ratings, *, period: str | None, since: str | None) -> list[str]:
    """The periods to make reports of."""
    if since or period:
        return weeks_since(ratings, since=since) if since else [choose_period(ratings, period=period)]
    made, lost = periods_made(order.root / "reports" / order.pack.name, data=order.data.name, given=order.given)
    return periods_due(ratings, made=made, failed=lost)


def _make(order: Order, ratings: Ratings, period: str) -> Run:
    """The report of one period, made unless it is there."""
    order = replace(order, pack=rebaselined(order.pack, period))
    pack, snapshot = order.pack, ratings.snapshot
    past = seen_before(order.root, pack.name, period, pack.actions)
    own = version(pack, period=period, snapshot=snapshot, given=order.given, past=past)
    target = order.root / "reports" / pack.name / period / own
    if there := None if order.force else _there(order, ratings, period, target, past):
        return there
    started, clock = dt.datetime.now(dt.timezone.utc), time.monotonic()
    with staging(order.root) as work:
        built, out = work / "report", work / "out"
        (built / "notebooks").mkdir(parents=True)
        places = {str(place): Path(place).name for place in (order.data, pinned(order.data)[0])}
        scrub = scrubber({str(out): "out", **places, str(order.root): "."}, pack.private, order.data, columns=order.given["columns"],
                         engine=order.engine or None)
        sections, tables, told = run_notebooks(order, ratings, period, out, scrub)
        findings, estimates = gather(tables)
        failed = {s.name: s.error for s in sections if s.error}
        gates = judge(pack.gates, findings=findings, estimates=estimates, checks=told["checks"], failed=list(failed))
        actions = scrub_tree(told_actions(pack.actions, past=past, findings=findings, period=period, looked=set(tables),
                                          rubrics=rubrics_of(snapshot.rubrics, estimates),
                                          changed=changes(order.root, pack.name, ratings=ratings, period=period, place=order.data,
                                                          held=pack.private)), scrub)
        mark = told.pop("fingerprint")
        report = Report(pack=pack.name, title=pack.title, period=period, version=own, made=started.isoformat(timespec="seconds"), **told,
                        sections=tuple(sections), findings=findings, estimates=estimates, gates=tuple(gates), actions=tuple(actions),
                        revises=revises(target.parent, mark, order.given), private=stated(pack.private, findings, estimates))
        write_site(built, report)
        said = {"said": [action.recorded for action in pack.actions], "past": past, "told": actions}
        place = target.with_name(f"{own}{OF_FAILED}")
        further = {"fingerprint": mark, "tries": tries(place) + 1, "private": report.private, "checks": report.checks, "gates": gates,
                   "actions": said}
        write_logs(built, report.sections, out, scrub)
        seal(built, scrub_tree(_manifest(order, report, clock) | further, scrub))
        shutil.rmtree(place, ignore_errors=True)
        place = place if failed else target
        publish(built, place, replace=order.force and not failed)
    if not failed:
        clear(order.root, [section.key for section in sections])
    return Run(pack.name, period, own, place, failed)


def _there(order: Order, ratings: Ratings, period: str, target: Path, past: list[dict[str, object]]) -> Run | None:
    """The report that need not be made: this version, and to a run by itself one that stands, or has failed too often."""
    if is_complete(target):
        return Run(order.pack.name, period, target.name, target, reused=True)
    if not order.catching_up:
        return None
    found = alike(target.parent, ratings, pack=order.pack, period=period, given=order.given, past=past)
    if there := standing(found):
        return Run(order.pack.name, period, there, target.with_name(there), reused=True)
    lost = given_up(found)
    if lost:
        order.progress(Event(period, "", PASSED, error=passed_over(lost)))
    return lost


def run_notebooks(order: Order, ratings: Ratings, period: str, out: Path,
                  scrub: Scrub) -> tuple[list[Section], dict[str, tuple], dict[str, object]]:
    """Every notebook of the pack, several at a time, as a section of the report; what each saved; and what is told meanwhile."""
    import papermill                # noqa: F401  before there are threads, which share the filters of warnings that its imports set
    import pygments.formatters      # noqa: F401  like the next it puts another module in its place while it is imported
    import pygments.lexers          # noqa: F401

    for notebook in order.pack.notebooks:
        order.progress(Event(period, notebook.name, WAITING))
    if order.nursery:
        order.nursery.ask(read=str(order.data), kept=is_kept(ratings.source), terms=asdict(order.pack.private),
                          columns=order.given["columns"], exclude=order.given["exclude"])
    with ThreadPoolExecutor(order.jobs) as pool:
        took = seconds_before(order)
        queue = sorted(zip(order.pack.notebooks, keys_of(order, ratings, period)), key=lambda one: -took.get(one[0].name, math.inf))
        work = {n.name: pool.submit(_section, order, n, period, out / n.name, scrub, key) for n, key in queue}
        try:
            told = _told(order, ratings, period, scrub)
            wait(work.values())
        except BaseException:  # Ctrl-C ends the kernels at once, so that none writes after the run
            order.stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    done = [work[notebook.name].result() for notebook in order.pack.notebooks]
    return [section for section, _ in done], {section.name: tables for section, tables in done if not section.error}, told


def seconds_before(order: Order) -> dict[str, float]:
    """How long each notebook of the pack took for the last whole report: the longest go first, so that none is left to run alone."""
    return {name: told["seconds"] for run in newest(order.root, order.pack.name)[-1:] for name, told in run.manifest["notebooks"].items()}


def _told(order: Order, ratings: Ratings, period: str, scrub: Scrub) -> dict[str, object]:
    """What a report says of its ratings, whatever its notebooks find, by the names that `Report` has for it; and a `fingerprint`."""
    import workbench.chart.periods  # noqa: F401  the history's, while there is a core to spare

    of_period, until = ratings.period(period), ratings.until(period)
    checks = tuple({"check": o.name, "outcome": o.outcome, "required": o.required, "text": scrub(o.text)} for o in check_ratings(until))
    return {"checks": checks, "snapshot": asdict(ratings.snapshot), "filters": scrub_tree(ratings.excluded(), scrub),
            "n_period": of_period.count(), "n_unread": ratings.count() - until.count(), "given": scrub_tree(order.given, scrub),
            "packages": {"python": platform.python_version(), **package_versions()},
            "fingerprint": fingerprint(of_period) if period != "undated" else ""}


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
        return laid_out(found[0]), found[1]
    done = _run_notebook(order, notebook, period, out)
    saved = read_saved(out)
    error = done.error or ("" if saved else NOT_SAVED)
    values = {p.name: p.default for p in notebook.declared.values()} | _values(order, notebook, period, "") | {"data": order.data.name}
    values = scrub_tree(values, scrub)
    content = clean_notebook(done.notebook, scrub, order.pack.private.min_cell)
    section = laid_out(Section(notebook.name, content, round(done.seconds, 2), scrub(error), values, key=key))
    tables = () if section.error else tuple(scrub_table(table, scrub) for table in saved)
    if not section.error:
        keep(order.root, key, section, tables)
    return section, tables


def _run_notebook(order: Order, notebook: Notebook, period: str, out: Path) -> Executed:
    n_cells = len(notebook.content["cells"])

    def on_cell(index: int) -> None:
        order.progress(Event(period, notebook.name, RUNNING, min(index + 1, n_cells), n_cells))

    order.progress(Event(period, notebook.name, RUNNING, 0, n_cells))
    out.parent.mkdir(parents=True, exist_ok=True)
    done = execute(notebook.content, parameters=_values(order, notebook, period, str(out)), folder=order.root / "notebooks",
                   limits=Limits(order.pack.timeout, order.pack.memory, order.stop), on_cell=on_cell,
                   environment=order.pack.private.environment, nursery=order.nursery, log=out.with_name(log_name(notebook.name)))
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
