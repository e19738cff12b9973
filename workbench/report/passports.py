"""The passport of each finding: from which ratings, by which notebook and on what evidence, as data and beside it on its page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from workbench.estimates import MEASURES

if TYPE_CHECKING:
    from workbench.report.site import Report

PASSPORTS = "passports.json"


def passports(report: Report) -> dict[str, dict[str, object]]:
    """What each finding stands on, by its id: evidence, place, rubrics of that place, notebook with its parameters; and what all share:
    snapshot, period, row filters, checks and software."""
    told = {section.name: section.parameters for section in report.sections}
    made = {"pack": report.pack, "period": report.period, "version": report.version, "made": report.made, "seed": report.given["seed"]}
    shared = {"report": made,
              "snapshot": dict(report.snapshot), "row_filters": dict(report.filters), "n_ratings_in_period": report.n_period,
              "checks": [{"check": check["check"], "outcome": check["outcome"], "required": check["required"]} for check in report.checks],
              "packages": dict(report.packages)}
    found = {}
    for row in report.findings.to_dict("records"):
        where = json.loads(row["slice"] or "{}")
        found[row["id"]] = {
            "sentence": row["sentence"], "where": where, "rubrics": _rubrics(report.snapshot["rubrics"], where),
            "evidence": {key: _plain(row[key]) for key in ("name", *MEASURES) if _plain(row[key]) not in (None, "")},
            "notebook": row["notebook"], "parameters": {k: v for k, v in told.get(row["notebook"], {}).items() if k != "out"}}
    return {"shared": shared, "findings": found}


def _rubrics(known: Mapping[str, str], where: Mapping[str, str]) -> dict[str, str]:
    """The rubric files a finding's place names, by "name version"; all where it names none."""
    name, version = where.get("rubric", ""), where.get("rubric_version", "")
    parts = {key: key.rpartition(" ")[::2] for key in known}
    held = {key: known[key] for key, (of, its) in parts.items() if name in ("", of) and version in ("", its)}
    return held or dict(known)


def _plain(value: object) -> object:
    """A value as JSON holds it; None for what is missing."""
    if value is None or pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value


def checks_in_words(report: Report) -> str:
    """How the checks of the data went."""
    open_ones = [f"{check['check']} ({check['outcome']})" for check in report.checks if check["outcome"] != "ok"]
    if not report.checks:
        return "none ran"
    fine = f"{len(report.checks) - len(open_ones)} of {len(report.checks)} found nothing"
    return f"{fine}; open: {', '.join(open_ones)}" if open_ones else fine
