"""A report made again from what its manifest records, and whether it says the same."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pandas as pd

from workbench.errors import ParameterError, ReportError, shorten
from workbench.report.artefact import Run, find_run, staging
from workbench.report.collect import gather
from workbench.report.loop import rebaselined, recorded_actions
from workbench.report.make import Order, run_notebooks
from workbench.report.pack import find_workspace, load_pack
from workbench.report.private import read_under, scrubber
from workbench.report.version import version
from workbench.store.history import pinned

SAID = ["severity", "status", "sentence", "action", "value", "low", "high"]
OTHER_CODE = "the package, a notebook or the pack have changed since: version {now} would be made, not {then}"


def rerun(name: str | Path, *, data: str | Path | None = None, workspace: str | Path | None = None) -> pd.DataFrame:
    """Does a report say the same when it is made again, on the snapshot it recorded, with its parameters and seed?

    One row a finding or estimate that is not equal: table, id, then, now; none where all are. Nothing is written to `reports/`.

    name: as `find_run`. data: where the data lie; default: the pack's own, as of the version recorded.
    Errors: `ReportError` where the data are not those of the report, or the code that would make it is another; `ParameterError` where the
    version recorded was erased, saying by what; as `run` for the rest.
    """
    root, old = find_workspace(workspace), find_run(name, workspace=workspace)
    told, pack = old.manifest, load_pack(old.pack, workspace=root)
    said = told.get("actions", {"said": (), "past": ()})
    pack = rebaselined(replace(pack, actions=recorded_actions(said["said"])), old.period)
    place = recorded(Path(data).absolute() if data else root / pack.data, told["data"])
    given = told["given"]
    ratings = read_under(pack.private, place, columns=given["columns"], exclude=given["exclude"])
    if ratings.snapshot.id != told["snapshot"]["id"]:
        raise ReportError(f"{old.path.name}: it was made from snapshot {told['snapshot']['id']}, and {place.name} is "
                          f"{ratings.snapshot.id}. Name the data as they were with data=, or DATA@VERSION of a managed store.")
    own = version(pack, period=old.period, snapshot=ratings.snapshot, given=given, past=said["past"])
    if own != old.version:
        raise ReportError(f"{old.path.name}: {OTHER_CODE.format(now=own, then=old.version)}. Check out commit "
                          f"{told['commit'][:12] or '(none was recorded)'} and the packages of its manifest to make it again.")
    order = Order(root, pack, place, given, "", os.cpu_count() or 1, True, lambda event: None)
    with staging(root) as work:
        places = {str(one): Path(one).name for one in (place, pinned(place)[0])}
        scrub = scrubber({str(work / "out"): "out", **places, str(root): "."}, pack.private, place, columns=given["columns"])
        sections, tables, _ = run_notebooks(order, ratings.until(old.period), old.period, work / "out", scrub)
        findings, estimates = gather(tables)
    failed = [f"{section.name} ({shorten(section.error)})" for section in sections if section.error and section.name not in old.failed]
    if failed:
        raise ReportError(f"{old.path.name}: made again, {', '.join(failed)} failed, and did not then.")
    return pd.concat([apart(old.findings, findings, "findings"), apart(old.estimates, estimates, "estimates")], ignore_index=True)


def recorded(place: Path, name: str) -> Path:
    """The data of a report from where they now lie and the name it recorded, which ends in @VERSION where there are versions."""
    folder, as_of = pinned(place)
    base, _, then = name.partition("@")
    if Path(folder).name != base:
        raise ParameterError(f"data={place.name!r}: the report was made from {name!r}. Say with data= where that lies.")
    return Path(f"{folder}@{then}") if then and as_of is None else place


def apart(then: pd.DataFrame, now: pd.DataFrame, table: str) -> pd.DataFrame:
    """The rows of two tables that are not equal, in their order: by id where they have one, else by place."""
    columns, told = [c for c in (SAID if table == "findings" else then.columns) if c in then], []
    for part in (then, now):
        known = part.reindex(columns=columns).astype(object)
        told.append(dict(zip(part["id"] if table == "findings" else range(len(part)), known.where(known.notna(), None).to_dict("records"))))
    rows = [(table, key, *(shorten(side.get(key), 300) if key in side else "" for side in told))
            for key in dict.fromkeys([*told[0], *told[1]]) if told[0].get(key) != told[1].get(key)]
    return pd.DataFrame(rows, columns=["table", "id", "then", "now"])
