"""Charts whose cells can be chosen, by mouse in the chart or from outside, and the widget that tells which are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import altair as alt
import pandas as pd

from workbench.cache import kept
from workbench.chart.marks import week_axis
from workbench.chart.rows import checked, drawable, evidence, headed, key_labels, week_text
from workbench.chart.style import ACCENT, ACCENT_PALE, INK, RAMP, WIDTH, layered, nothing_to_draw, panel_title, styled

LIGHT = 0.65        # the shade, as a share of the darkest, from which white is read better than black
NUMBERED = 12       # up to as many columns the values stand in the cells
STEPS = (0.1, 0.25, 0.5, 1.0)   # few ends of the scale, so that two charts compare
MEASURE = "Disagreement (0 all alike, 1 opposite ends)"
SHOWN = "length(picked) == 0 || indexof(picked, datum.cell) >= 0"
PICKED = "indexof(picked, datum.cell) >= 0"
ON_POINTS = "click[event.item && event.item.mark && event.item.mark.marktype === 'symbol']"     # a band is all of its weeks


def cell_map(cells: pd.DataFrame, *, down: str = "criterion", across: str = "slice",
             title: str = "Where do raters disagree?") -> alt.TopLevelMixin:
    """Disagreement by two columns as a map whose cells can be chosen: a click takes one, with shift one more, a drag all that it touches.

    Args:
        cells: a table with `down`, `across`, `value`, `low`, `high`, `n_items`, one row a cell, in the order of the axes.
        down, across: what the two columns are, the titles of the axes.
        title: the question, or the finding.

    Parameters of the chart: `picked` (numbers of rows of the table; the others fade), and the selections `click` and `brush`, which
    `picked_in` reads. Raises `ParameterError` for a missing column or more than 500 cells.
    """
    cells = checked(cells, chart="cell_map", needs=["down", "across", "value", "low", "high", "n_items"], unique=["down", "across"])
    if cells.empty:
        return nothing_to_draw("cells", title=title)
    frame, tooltip = drawn(cells, down=down, across=across)
    columns = frame["across"].nunique()
    size = max(18, min(84, (WIDTH + 60) // columns))
    x, y = (channel(f"{end}:N", sort=None, title=headed(name), axis=alt.Axis(labelAngle=angle, labelLimit=room, domain=False, ticks=False))
            for channel, end, name, angle, room in ((alt.X, "across", across, 0 if size >= 50 else -90, size - 4 if size >= 50 else 130),
                                                    (alt.Y, "down", down, 0, 160)))
    end = next(step for step in (*STEPS, float(frame["value"].max())) if frame["value"].max() <= step)
    color = alt.Color("value:Q", scale=alt.Scale(domain=[0, end], range=list(RAMP), interpolate="lab"),
                      legend=alt.Legend(title="Disagreement", gradientLength=160, tickCount=4))
    base = alt.Chart(frame).encode(x=x, y=y, tooltip=tooltip, opacity=alt.condition(SHOWN, alt.value(1), alt.value(0.3)))
    layers = [base.mark_rect(strokeWidth=2, cursor="pointer").encode(
        color=color, stroke=alt.condition(PICKED, alt.value(INK), alt.value("white"))).add_params(*choosing("x", "y"))]
    if columns <= NUMBERED:
        layers.append(base.mark_text(fontSize=10).encode(
            text=alt.Text("value:Q", format=".2f"),
            color=alt.condition(f"datum.value > {LIGHT * end}", alt.value("white"), alt.value("black"))))
    chart = layered(*layers).add_params(alt.param(name="picked", value=[]))
    sized = chart.properties(width=alt.Step(size), height=alt.Step(max(18, min(34, size))))
    return styled(sized, title=title, subtitle=f"{MEASURE} · {evidence(cells)}")


def cell_weeks(cells: pd.DataFrame, *, title: str = "When do raters disagree?") -> alt.TopLevelMixin:
    """Disagreement week by week, a panel a line; a drag takes weeks, a click on a point one of them.

    Args:
        cells: a table with `down` (the line), `across` (the week's Monday), `value`, `low`, `high`, `n_items`, one row a cell.
        title: the question, or the finding.

    Parameters of the chart and errors: as `cell_map`; a selection of weeks holds for all lines.
    """
    cells = checked(cells, chart="cell_weeks", needs=["down", "across", "value", "low", "high", "n_items"], unique=["down", "across"])
    if cells.empty:
        return nothing_to_draw("cells", title=title)
    frame, tooltip = drawn(cells)
    frame["window"] = pd.to_datetime(cells["across"], utc=True)
    reach = frame[["value", "high"]].max().max()
    scale = alt.Scale(domain=[0, next(step for step in (*STEPS, float(reach)) if reach <= step)])
    panels, chosen = [], choosing("x", on=ON_POINTS)
    for line, part in frame.groupby("down", sort=False):
        base = alt.Chart(part).encode(x=week_axis(frame["window"], titled=line == frame["down"].iloc[-1]), tooltip=tooltip)
        y = alt.Y("value:Q", scale=scale, axis=alt.Axis(title=None, tickCount=4, minExtent=28))
        points = base.mark_point(filled=True, size=70, stroke=INK, cursor="pointer").encode(
            y=y, color=alt.ColorValue(ACCENT), opacity=alt.condition(SHOWN, alt.value(1), alt.value(0.35)),
            strokeWidth=alt.condition(PICKED, alt.value(2), alt.value(0)))
        layers = [base.mark_area(color=ACCENT_PALE, opacity=0.5).encode(y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q")),
                  base.mark_line(color=ACCENT).encode(y=y), points.add_params(*chosen)]
        panels.append(layered(*layers).properties(width=WIDTH + 40, height=84, title=panel_title(line)))
    chart = alt.vconcat(*panels, spacing=8).add_params(alt.param(name="picked", value=[]))
    return styled(chart, title=title, subtitle=f"{MEASURE} · {evidence(cells)}")


def drawn(cells: pd.DataFrame, *, down: str = "criterion", across: str = "week") -> tuple[pd.DataFrame, list[alt.Tooltip]]:
    """The cells as the chart has them, each with its number, and their tooltips."""
    weeks = pd.api.types.is_datetime64_any_dtype(cells["across"])
    worded = cells.assign(across=cells["across"].map(week_text)) if weeks else cells
    frame, tooltip = drawable(worded, by=["down", "across"])
    for place, (end, name) in enumerate((("down", down), ("across", across))):
        frame[end] = key_labels(worded, [end])
        tooltip[place] = alt.Tooltip(f"{end}:N", title=headed(name))
    return frame.assign(cell=range(len(frame))), tooltip


def choosing(*encodings: str, on: str = "click") -> tuple[alt.Parameter, alt.Parameter]:
    """The selections by click and by drag."""
    mark = alt.BrushConfig(fill=ACCENT, fillOpacity=0.12, stroke=INK, strokeWidth=1)
    return (alt.selection_point(name="click", fields=["cell"], on=on, empty=False),
            alt.selection_interval(name="brush", encodings=list(encodings), mark=mark, empty=False, translate=False, zoom=False))


def picked_in(cells: pd.DataFrame, *, brush: Mapping[str, Sequence[object]], click: Sequence[Mapping[str, object]]) -> list[int]:
    """The numbers of the cells that are chosen: those in the brush, and where there is none those that were clicked."""
    if not any(len(values) for values in brush.values()):
        return sorted({int(point["cell"]) for point in click if "cell" in point} & set(range(len(cells))))
    frame, inside = drawn(cells)[0], pd.Series(True, range(len(cells)))
    for field, values in brush.items():
        if field == "window":
            first, last = (pd.Timestamp(float(at), unit="ms", tz="UTC") for at in sorted(values))
            inside &= pd.to_datetime(cells["across"], utc=True).between(first, last).to_numpy()
        else:
            inside &= frame[field].isin(list(values)).to_numpy()
    return [int(cell) for cell in inside.index[inside]]


def live(chart: alt.TopLevelMixin) -> alt.JupyterChart:
    """A chart as a widget that tells what is chosen in it, and draws without a network."""
    return alt.JupyterChart(chart, debounce_wait=120, max_wait=False, embed_options={"renderer": "svg", "actions": False},
                            _esm=offline_script())


def redrawn(widget: alt.JupyterChart, chart: alt.TopLevelMixin, *, changed: Callable[[], None]) -> None:
    """Show a chart in the widget, nothing being chosen in it; `changed` is called whenever something else is."""
    if widget.chart is not chart:
        widget.chart = None     # the same chart anew would be no change, and keep its brush
        widget.chart = chart
    if "brush" in widget.selections.trait_names():
        widget.selections.observe(lambda _: changed(), names=["brush", "click"])


def selected(widget: alt.JupyterChart, cells: pd.DataFrame) -> list[int]:
    """The numbers of the cells that are chosen in the widget's chart."""
    chosen = widget.selections
    return picked_in(cells, brush=chosen.brush.value, click=chosen.click.value) if "brush" in chosen.trait_names() else []


def offline_script() -> str:
    """Altair's script for the widget with all that it would load from the network; making it takes seconds, so it is kept by version."""
    import vl_convert

    def write(partial: Path) -> None:
        online = alt.JupyterChart._esm, alt.JupyterChart._is_offline
        alt.JupyterChart.enable_offline()
        partial.write_text(alt.JupyterChart._esm, encoding="utf-8")
        alt.JupyterChart._esm, alt.JupyterChart._is_offline = online

    return kept(f"chart-widget-{alt.__version__}-{vl_convert.__version__}.js", write).read_text(encoding="utf-8")
