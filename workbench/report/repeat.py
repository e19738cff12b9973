"""A report made again from what its manifest records, and whether it says the same."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.errors import ParameterError, ReportError, examples, shorten
from workbench.report.artefact import Run, find_run, staging
from workbench.report.collect import gather
from workbench.report.loop import rebaselined, recorded_actions
from workbench.report.make import run_notebooks
from workbench.report.order import Order
from workbench.report.pack import Pack, find_workspace, load_pack
from workbench.report.private import read_under, scrubber
from workbench.report.scrub import scrub_tree
from workbench.report.version import code_hashes, package_versions, version
from workbench.store.history import pinned

SAID = ["severity", "status", "sentence", "action", "value", "low", "high"]
OTHER_CODE = "the package, a notebook or the pack have changed since: version {now} would be made, not {then}"
SHORT = re.compile(r"[/\\~…$]|^\.$|\((?:user|host)\)")      # what may stand in a report for a path, a secret or a name of its machine


def rerun(name: str | Path, *, data: str | Path | None = None, parameters: Mapping[str, object] | None = None,
          workspace: str | Path | None = None) -> pd.DataFrame:
    """Does a report say the same when it is made again, on the snapshot it recorded, with its parameters and seed?

    One row a finding or estimate that is not equal: table, id, then, now; none where all are. Nothing is written to `reports/`.

    name: as `find_run`. data: where the data lie; default: the pack's own, as of the version recorded. parameters: those that no artefact
        tells as they were given, being paths outside the workspace or secrets; one inside is found again.
    Errors: `ReportError` where the data are not those of the report, or what would make it is not, saying which: code, or a parameter to be
    given again; `ParameterError` where the version recorded was erased, saying by what; as `run` for the rest.
    """
    root, old = find_workspace(workspace), find_run(name, workspace=workspace)
    told, pack = old.manifest, load_pack(old.pack, workspace=root)
    said = told.get("actions", {"said": (), "past": ()})
    pack = rebaselined(replace(pack, actions=recorded_actions(said["said"])), old.period)
    place = recorded(Path(data).absolute() if data else root / pack.data, told["data"])
    given = {**told["given"], "parameters": {**told["given"]["parameters"], **(parameters or {})}}
    ratings = read_under(pack.private, place, columns=given["columns"], exclude=given["exclude"])
    if ratings.snapshot.id != told["snapshot"]["id"]:
        raise ReportError(f"{old.path.name}: it was made from snapshot {told['snapshot']['id']}, and {place.name} is "
                          f"{ratings.snapshot.id}. Name the data as they were with data=, or DATA@VERSION of a managed store.")
    given = as_given(given, old=old, root=root, pack=pack, version_of=lambda one: version(
        pack, period=old.period, snapshot=ratings.snapshot, given=one, past=said["past"]))
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


def as_given(given: Mapping[str, Any], *, old: Run, root: Path, pack: Pack,
             version_of: Callable[[Mapping[str, Any]], str]) -> Mapping[str, Any]:
    """What was asked for, as it was before the artefact put paths short: what makes the version of the report. Errors: as `rerun`."""
    def long(text: str) -> str:
        """A path of the workspace or the home folder, whole again."""
        return next((str(folder) + text[len(short):] for short, folder in ((".", root), ("~", Path.home()))
                     if text == short or text.startswith(f"{short}/")), text)

    for one in (given, {**given, "parameters": scrub_tree(given["parameters"], long)}):
        if (own := version_of(one)) == old.version:
            return one
    told = old.manifest
    same = code_hashes(pack) == told["code"] and {"python": platform.python_version(), **package_versions()} == told["packages"]
    short = [name for name, value in given["parameters"].items() if SHORT.search(str(value))]
    if same and short:
        raise ReportError(f"{old.path.name}: a report records no path of a machine and no secret, so that it cannot tell what "
                          f"{examples(short)} was; the code is as it was. Give it again: parameters={{{short[0]!r}: ...}}, or "
                          f"--set {short[0]}=...")
    raise ReportError(f"{old.path.name}: {OTHER_CODE.format(now=own, then=old.version)}. Check out commit "
                      f"{told['commit'][:12] or '(none was recorded)'} and the packages of its manifest to make it again.")


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
