"""The pages of a report: an index that says first what needs attention, and one self-contained page per notebook."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from workbench.cache import kept
from workbench.errors import ReportError, shorten
from workbench.periods import period_bounds
from workbench.report.collect import ESTIMATES, FINDINGS, grouping
from workbench.report.page import Page, lay_out, slug
from workbench.report.passports import PASSPORTS, checks_in_words, passports

TEMPLATES = Path(__file__).parent / "template"
MAX_TILES = 12
ABBREVIATIONS = {"ac", "ac1", "ac2", "icc"}
INTERVAL = re.compile(r"\d ?%|\[[-+]?\d")  # a sentence that gives its own interval needs no second one below it
WORDS = {"alarm": "Alarm", "attention": "Attention", "unknown": "Cannot tell", "ok": "Fine"}


@dataclass(frozen=True)
class Section:
    """One notebook of a report: its cleaned JSON, what it was told, how long it took, what ended it, its page, what names its results."""

    name: str
    notebook: Mapping
    seconds: float
    error: str
    parameters: Mapping[str, object]
    page: Page | None = None
    key: str = ""


@dataclass(frozen=True)
class Report:
    """Everything the pages say."""

    pack: str
    title: str
    period: str
    version: str
    made: str
    snapshot: Mapping
    filters: Mapping[str, int]
    n_period: int
    given: Mapping[str, object]
    packages: Mapping[str, str]
    sections: tuple[Section, ...]
    findings: pd.DataFrame
    estimates: pd.DataFrame
    gates: tuple[Mapping[str, object], ...] = ()
    actions: tuple[Mapping[str, object], ...] = ()
    revises: str = ""
    checks: tuple[Mapping[str, object], ...] = ()
    private: Mapping[str, object] = field(default_factory=dict)
    n_unread: int = 0       # ratings that are later than the period, or bear no date

    @property
    def when(self) -> str:
        """The period in words."""
        if self.period == "undated":
            return "Undated ratings"
        start, end = period_bounds(self.period)
        last = end - dt.timedelta(days=1)
        month = "" if start.month == last.month else f" {start:%B}"
        first = f"{start.day}{month}" + ("" if start.year == last.year else f" {start:%Y}")
        return f"{first} to {last.day} {last:%B %Y}" if "-W" in self.period else f"{start:%B %Y}"


def write_site(folder: Path, report: Report) -> None:
    """Write pages, executed notebooks, findings and estimates of a report, its sections laid out, into `folder`."""
    known = passports(report)
    cards, environment = [card | {"passport": known["findings"][card["id"]]} for card in findings_shown(report.findings)], _environment()
    environment.globals["checked"] = checks_in_words(report)
    script = chart_script() if any(s.page.has_charts for s in report.sections) else ""
    for section in report.sections:
        scripts = [(TEMPLATES / "page.js").read_text(encoding="utf-8")]
        scripts += [script, (TEMPLATES / "charts.js").read_text(encoding="utf-8")] if section.page.has_charts else []
        own = [card for card in cards if card["notebook"] == section.name]
        html = environment.get_template("notebook.html").render(report=report, section=section, cards=own, **_scripts(scripts))
        (folder / f"{section.name}.html").write_text(html, encoding="utf-8")
        (folder / "notebooks" / f"{section.name}.ipynb").write_text(a_cell_a_line(section.notebook), encoding="utf-8")
    muted = {action["id"]: action["state"] for action in report.actions if action["muted"]}
    shown = {"cards": [card | {"muted": muted.get(card["id"], "")} for card in cards], "tiles": tiles(report.estimates)}
    html = environment.get_template("index.html").render(report=report, **shown, **_scripts([]))
    (folder / "index.html").write_text(html, encoding="utf-8")
    (folder / PASSPORTS).write_text(json.dumps(known, indent=1, ensure_ascii=False, default=str), encoding="utf-8")
    report.findings.to_parquet(folder / FINDINGS, index=False)
    report.findings.to_json(folder / "findings.json", orient="records", indent=1, force_ascii=False)
    report.estimates.to_parquet(folder / ESTIMATES, index=False)


def a_cell_a_line(notebook: Mapping) -> str:
    """A notebook as JSON. Indented as usual it would be written by an encoder ten times slower."""
    rest = json.dumps({key: value for key, value in notebook.items() if key != "cells"}, ensure_ascii=False)
    cells = ",\n".join(json.dumps(cell, ensure_ascii=False) for cell in notebook["cells"])
    return f'{{"cells": [\n{cells}\n],\n{rest[1:]}\n'


def page_of(template: str, **shown: object) -> str:
    """A page without scripts from a template."""
    return _environment().get_template(template).render(**shown, **_scripts([]))


def chart_page(template: str, **shown: object) -> str:
    """A page that draws charts, from a template."""
    scripts = [chart_script(), (TEMPLATES / "charts.js").read_text(encoding="utf-8")]
    return _environment().get_template(template).render(**shown, **_scripts(scripts))


def laid_out(section: Section) -> Section:
    """The section with its page. A notebook whose page cannot be made counts as failed."""
    try:
        return replace(section, page=lay_out(section.notebook, name=section.name))
    except ReportError as error:
        return replace(section, page=Page(section.name, (), ()), error=section.error or str(error))


def _environment():
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True)
    environment.filters |= {"number": number, "label": label}
    environment.globals |= {"words": WORDS, "style": (TEMPLATES / "style.css").read_text(encoding="utf-8")}
    return environment


def _scripts(texts: list[str]) -> dict[str, object]:
    """Scripts as they stand in a page, and the policy that lets these run and nothing else run or load."""
    texts = [text.replace("\r\n", "\n").replace("</script", "<\\/script") for text in texts]
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(t.encode()).digest()).decode()}'" for t in texts) or "'none'"
    return {"scripts": texts, "policy": f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
                                        "base-uri 'none'; form-action 'none'"}


def chart_script() -> str:
    """Vega, Vega-Lite and their embedding as one script; making it takes seconds, so it is kept by version."""
    import vl_convert

    def write(partial: Path) -> None:
        partial.write_text(vl_convert.javascript_bundle(), encoding="utf-8")

    return kept(f"vega-{vl_convert.__version__}.js", write).read_text(encoding="utf-8")


def findings_shown(findings: pd.DataFrame) -> list[dict[str, object]]:
    """Each finding with its evidence in words, in the order of the table, and the place it has on its notebook's page."""
    return [row | {"word": WORDS[row["severity"]], "place": slug(f"finding {row['id']}"),
                   "evidence": counts(row) if INTERVAL.search(row["sentence"]) else evidence(row)}
            for row in findings.to_dict("records")]


def tiles(estimates: pd.DataFrame) -> list[dict[str, object]]:
    """The estimates the index shows: those with a true `headline`, else up to three of what each notebook names first."""
    defined = estimates[estimates["value"].notna()]
    flagged = defined[defined["headline"].eq(True)] if "headline" in defined else defined.head(0)
    named_first = defined.groupby("notebook")["name"].transform("first")
    first = defined[defined["name"] == named_first].groupby("notebook", sort=False).head(3)
    chosen = flagged if len(flagged) else first
    by = grouping(estimates)
    rows = chosen.head(MAX_TILES).to_dict("records")
    places = [", ".join(group(row[c]) for c in by if _known(row[c]) and row[c] != "") for row in rows]
    return [row | {"where": shorten(place), "counts": counts(row)} for row, place in zip(rows, places)]


def group(value: object) -> str:
    """A level of a grouping column in words: a window is its first day."""
    return f"{value:%Y-%m-%d}" if isinstance(value, dt.datetime) else str(value)


def evidence(row: Mapping[str, object]) -> str:
    """An estimate in words: its name, value, interval and what it was counted on; "" where the row holds none."""
    if not row["name"] or not _known(row["value"]):
        return counts(row)
    interval = ""
    if _known(row["low"]) and _known(row["high"]):
        share = f"{row['confidence']:.0%} " if _known(row["confidence"]) else ""
        interval = f" ({share}interval {number(row['low'])} to {number(row['high'])})"
    told = f"{label(row['name'])} {number(row['value'])}{interval}"
    return f"{told} · {counts(row)}" if counts(row) else told


def counts(row: Mapping[str, object]) -> str:
    """How many items, raters and ratings an estimate stands on; those that are none or not known are left out."""
    found = [(row[f"n_{what}"], what) for what in ("items", "raters", "ratings")]
    return ", ".join(f"{int(n):,} {what if n != 1 else what[:-1]}" for n, what in found if _known(n) and n > 0)


def number(value: float) -> str:
    """A number for a reader: three decimals below ten, fewer above, thousands apart."""
    size = abs(value)
    return f"{value:,.{0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 10 else 3}f}"


def label(name: str) -> str:
    """A statistic's name in words: krippendorff_alpha is "Krippendorff alpha", gwet_ac is "Gwet AC"."""
    text = " ".join(word.upper() if word in ABBREVIATIONS else word for word in name.split("_"))
    return text[:1].upper() + text[1:]


def _known(value: object) -> bool:
    return value is not None and not pd.isna(value)
