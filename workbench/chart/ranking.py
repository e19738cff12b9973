"""Systems in their order, with how sure each rank is; and two instruments beside each other, measure by measure."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from workbench.chart.marks import intervals, reference_lines, value_axis
from workbench.chart.rows import checked, drawable, evidence, full_range, headed, level_text, reading
from workbench.chart.style import ACCENT, ALERT, QUIET, layered, nothing_to_draw, panel_title, row_axis, styled
from workbench.errors import ParameterError, examples

PANELS, PANEL_WIDTH = 4, 180
MAY_LEAD = ["may be the best", "told to be behind"]
TOLD = ["interval excludes 0", "cannot tell from 0"]
MEASURES = {"separation_per_hour": "Separation of systems per rater-hour (signal over noise)",
            "separation_per_rating": "Separation of systems per rating (signal over noise)",
            "system_share": "Share of a rating's variance that is the system's",
            "seconds_per_rating": "Seconds a rating (median)", "krippendorff_alpha": "Krippendorff's alpha",
            "redundancy": "Redundancy of the criteria (0 none, 1 all one)",
            "overall_reproduced": "Share of the overall verdict that criteria predict"}


def rank_intervals(ranks: pd.DataFrame, *, title: str = "Which system is best, and how sure is its rank?") -> alt.TopLevelMixin:
    """Each system's rank with the ranks it may have, one panel a rubric version, the systems in one order.

    Args:
        ranks: a table of `rank_systems`, of one criterion: its rows named "rank", of up to four versions; other rows are passed over.
        title: the question, or the finding.

    Systems that may be the best are in colour. An undefined ranking says why. Raises `ParameterError` where rows of several criteria, or
    of more versions, would lie on top of each other.
    """
    needs = ["name", "criterion", "rubric", "rubric_version", "system", "value", "low", "high"]
    ranks = checked(ranks, chart="rank_intervals", needs=needs, limit=20_000)
    ranks = checked(ranks[ranks["name"] == "rank"], chart="rank_intervals", needs=needs, unique=needs[2:5])
    if ranks.empty:
        return nothing_to_draw("ranks", title=title)
    several = ranks["rubric"].nunique() > 1
    version = [f"{rubric if several else 'version'} {version}" for rubric, version in zip(ranks["rubric"], ranks["rubric_version"])]
    names = list(dict.fromkeys(version))
    if ranks["criterion"].nunique() > 1 or len(names) > PANELS:
        raise ParameterError(f"chart.rank_intervals: draws one criterion and up to {PANELS} versions, found "
                             f"{ranks['criterion'].nunique()} criteria and {len(names)} versions ({examples(names)}). Select rows.")
    frame, tooltip = drawable(ranks, by=["system"])
    frame["version"], noted = version, ranks.get("note", pd.Series("", index=ranks.index))
    frame["reading"] = [reading(*row[:3], decimals=0, note=str(row[3])) for row in zip(*(ranks[c] for c in needs[5:]), noted)]
    frame["lead"] = np.where(frame["low"] <= 1, *MAY_LEAD)
    frame["label"] = frame["label"].replace("", "(none)")
    order = list(frame.groupby("label", sort=False)["value"].mean().sort_values(kind="stable").index)
    most = int(max(frame["value"].max(), 1)) if frame["value"].notna().any() else 1
    most = max(most, int(frame["high"].max()) if frame["high"].notna().any() else 1)
    panels = [rank_panel(frame[frame["version"] == name], order, most, tooltip, first=name == names[0]).properties(
        title=panel_title(level_text(name))) for name in names]
    said = f"{evidence(ranks)}, that hold for all systems of a version together\nCriterion {level_text(ranks['criterion'].iloc[0])}"
    return styled(alt.hconcat(*panels, spacing=70), title=title, subtitle=said)


def rank_panel(frame: pd.DataFrame, order: Sequence[str], most: int, tooltip: list[alt.Tooltip], *, first: bool) -> alt.LayerChart:
    """The systems of one version; rank 1 at the left."""
    axis = alt.Axis(title="Rank (1 = best)", values=sorted({1, *range(5, most, 5), most}) if most > 8 else list(range(1, most + 1)),
                    format="d")
    x = alt.X("value:Q", scale=alt.Scale(domain=[0.5, most + 0.5], nice=False), axis=axis)
    y = alt.Y("label:N", sort=list(order), scale=alt.Scale(domain=list(order)), axis=row_axis(order) if first else None)
    marks = intervals(frame, x=x, y=y, tooltip=tooltip, width=PANEL_WIDTH,
                      color=alt.Color("lead:N", scale=alt.Scale(domain=MAY_LEAD, range=[ACCENT, QUIET]), title=None),
                      shape=alt.Shape("lead:N", scale=alt.Scale(domain=MAY_LEAD, range=["circle", "square"]), title=None))
    return layered(*marks).properties(width=PANEL_WIDTH, height=22 * len(order))


def instruments(estimates: pd.DataFrame, *, measures: Sequence[str] = (),
                title: str = "Which rubric is the better instrument?") -> alt.TopLevelMixin:
    """Two versions of a rubric, measure by measure: each beside the other, and the difference, new less old.

    Args:
        estimates: the table of `compare`; its rows named "difference of ..." are the differences.
        measures: which to draw, from the top; by default all but `separation_per_rating`, for data without seconds.
        title: the question, or the finding.

    A measure that the table lacks is passed over; one that is undefined says why. Raises `ParameterError` unless there are two versions.
    """
    needs = ["name", "criterion", "rubric_version", "value", "low", "high"]
    estimates = checked(estimates, chart="instruments", needs=needs, unique=needs[:3])
    paired = estimates["name"].astype(str).str.startswith("difference of ")
    measure = estimates["name"].astype(str).str.removeprefix("difference of ")
    versions = list(dict.fromkeys(estimates["rubric_version"][~paired].astype(str)))
    drawn = [name for name in measures or MEASURES if (measure == name).any() and (measures or name != "separation_per_rating")]
    if not drawn:
        return nothing_to_draw("measures", title=title)
    if len(versions) != 2:
        raise ParameterError(f"chart.instruments: draws two rubric versions, found {examples(versions) or 'none'}. Select the rows of two.")
    left, right = [], []
    for name in drawn:
        sides, changes = estimates[~paired & (measure == name)], estimates[paired & (measure == name)]
        left.append(measure_panel(sides, versions, name))
        right.append(change_panel(changes, list(dict.fromkeys(sides["criterion"]))))
    columns = [alt.vconcat(*part, spacing=16).resolve_scale(color="shared", shape="shared") for part in (left, right)]
    chart = alt.hconcat(*columns, spacing=24).resolve_scale(color="independent", shape="independent")
    return styled(chart, title=title, subtitle=evidence(estimates[measure.isin(drawn)]))


def measure_panel(table: pd.DataFrame, versions: Sequence[str], name: str) -> alt.LayerChart:
    """One measure under both versions."""
    frame, tooltip = drawable(table, by=["criterion"])
    order = list(dict.fromkeys(frame["label"]))
    frame["version"] = [level_text(version) for version in table["rubric_version"]]
    shown = {"domain": [level_text(version) for version in versions]}
    bounds, known = full_range([name]), frame["value"].dropna()
    if known.empty:
        bounds = (0.0, 1.0)     # no scale can be had of nothing
    elif frame[["low", "high"]].isna().all(axis=None):
        bounds = bounds or (known.min() - abs(known).max() / 10, known.max() + abs(known).max() / 10 or 1.0)     # nor of intervals alone
    y = alt.Y("label:N", sort=order, axis=row_axis(order))
    marks = intervals(frame, x=value_axis(headed(name), bounds, ticks=4), y=y, tooltip=tooltip, width=PANEL_WIDTH + 40,
                      yOffset=alt.YOffset("version:N", sort=shown["domain"]),
                      color=alt.Color("version:N", scale=alt.Scale(**shown, range=[QUIET, ACCENT]), title=None),
                      shape=alt.Shape("version:N", scale=alt.Scale(**shown, range=["square", "circle"]), title=None))
    return layered(*marks).properties(width=PANEL_WIDTH + 40, height=48 * len(order), title=panel_title(MEASURES.get(name, headed(name))))


def change_panel(table: pd.DataFrame, criteria: Sequence[object]) -> alt.LayerChart:
    """The differences around 0."""
    frame, tooltip = drawable(table, by=["criterion"])
    frame["told"] = np.where((frame["low"] > 0) | (frame["high"] < 0), *TOLD)
    order = [level_text(criterion) for criterion in criteria]
    reach = frame[["value", "low", "high"]].abs().max().max()
    x = value_axis("New less old", (-1.05 * reach, 1.05 * reach) if reach > 0 else (-1.0, 1.0), ticks=4)
    marks = intervals(frame, x=x, y=alt.Y("label:N", sort=order, scale=alt.Scale(domain=order), axis=None), tooltip=tooltip, width=150,
                      color=alt.Color("told:N", scale=alt.Scale(domain=TOLD, range=[ALERT, QUIET]), title=None),
                      shape=alt.Shape("told:N", scale=alt.Scale(domain=TOLD, range=["diamond", "circle"]), title=None))
    return layered(*reference_lines([(0.0, "")]), *marks).properties(width=150, height=48 * len(order),
                                                                     title=panel_title("Difference; dashed: no change"))
