"""How every chart looks: colours with one meaning each, type, spacing. Nothing is set globally at import."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable
from functools import partial, wraps

import altair as alt
import pandas as pd
from altair.utils import schemapi

from workbench.chart.written import written

# One meaning, one colour, in all charts; each also differs in lightness or shape, for greyscale and colour blindness.
INK = "#3b4351"        # text, and the estimates beside the headline
QUIET = "#8390a1"      # estimates that are not the point
CONTEXT = "#9aa3af"    # what the point is compared with: references, baselines, other groups
PALE = "#e8ebef"       # areas of context
ACCENT = "#1f5fa6"     # the point of the chart
ACCENT_PALE = "#b4cde8"
ALERT = "#c2410c"      # what needs attention
ALERT_PALE = "#f3b48f"
RAMP = ("#f6f8fa", "#123f73")   # little to much
BELOW = "#f2b880"      # the other side of zero
PAPER = "#ffffff"

WIDTH = 520            # of the plot itself; with labels about 800 pixels, which a laptop shows beside JupyterLab's files
SHAPES = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-down", "triangle-right")
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_LABEL_PIXELS = 6.3    # a character of an axis label, on average


def styled(chart: alt.TopLevelMixin, *, title: str, subtitle: str) -> alt.TopLevelMixin:
    """The chart with its title, subtitle and the house's look, checked against the Vega-Lite schema (ours are in tests: `unchecked`).

    Altair prints a faulty chart's traceback and carries on, which a report would not notice: here it raises.
    Altair's own renderer loads scripts from the network and is blank without it. The first chart made therefore
    switches an untouched renderer to "mimetype", which JupyterLab draws by itself; a renderer chosen by
    `altair.renderers.enable` stays. This is the one setting outside the chart itself, and it waits for a chart.
    """
    if alt.renderers.active == "default":
        alt.renderers.enable("mimetype")
    looks = {"title": alt.Title(title, subtitle=_lines(subtitle)), "background": PAPER, "padding": 8, "config": _config()}
    chart = chart.properties(**looks) if schemapi.DEBUG_MODE else put_on(chart.copy(deep=False), **looks)
    drawn = chart.to_dict() if schemapi.DEBUG_MODE else written(chart)
    json.dumps(drawn, allow_nan=False)   # JSON knows no NaN: a page that holds one does not load
    # Shown as checked: Altair would write it down a second time, which costs as much as the statistics. A copy of the chart does.
    object.__setattr__(chart, "_repr_mimebundle_", lambda *_, **__: alt.renderers.get()(drawn))
    object.__setattr__(chart, "specification", drawn)
    return chart


def unchecked(draw: Callable[..., alt.TopLevelMixin]) -> Callable[..., alt.TopLevelMixin]:
    """A chart of ours, whose form does not depend on the data, drawn without Altair's check of each part against the Vega-Lite schema:
    that takes most of the time, and the tests make it."""
    @wraps(draw)
    def drawn(*args: object, **options: object) -> alt.TopLevelMixin:
        with schemapi.debug_mode(False):
            return draw(*args, **options)
    return drawn


def layered(*marks: alt.Chart | alt.LayerChart) -> alt.LayerChart:
    """The marks on top of each other. Where nothing is checked, properties are put on this very chart, and it stays one in panels."""
    chart = alt.layer(*(shared(mark) for mark in marks))
    if not schemapi.DEBUG_MODE:
        object.__setattr__(chart, "properties", partial(put_on, chart))
        object.__setattr__(chart, "__deepcopy__", lambda _: chart)
    return chart


def put_on(chart: alt.TopLevelMixin, **properties: object) -> alt.TopLevelMixin:
    """The chart itself with these properties; Altair would copy it and check each."""
    for name, value in properties.items():
        chart[name] = value
    return chart


def shared(chart: alt.TopLevelMixin) -> alt.TopLevelMixin:
    """The chart, its mark and encodings shared with the copies that Altair makes of it each time it is put beside another or written down:
    nobody changes them once they stand, and copying them is most of what a chart costs."""
    for part in (chart._get("encoding", None), chart._get("mark", None)):
        if isinstance(part, alt.SchemaBase):
            object.__setattr__(part, "__deepcopy__", lambda _, part=part: part)
    return chart


def _lines(subtitle: str, width: int = 120) -> list[str]:
    """The subtitle in lines, broken between its parts."""
    lines = []
    for paragraph in subtitle.split("\n"):
        lines.append("")
        for part in paragraph.split(" · "):
            joined = f"{lines[-1]} · {part}" if lines[-1] else part
            lines[-1:] = [joined] if len(joined) <= width or not lines[-1] else [lines[-1], part]
    return lines


def _config() -> alt.Config:
    """Type, grid and spacing of every chart."""
    axis = alt.AxisConfig(domainColor=CONTEXT, gridColor=PALE, tickColor=CONTEXT, labelColor=INK, titleColor=INK,
                          labelFontSize=11, titleFontSize=11, titleFontWeight="normal", titlePadding=8, labelLimit=220,
                          titleLimit=WIDTH)
    heading = alt.TitleConfig(anchor="start", frame="bounds", fontSize=15, fontWeight=600, color=INK, offset=12, limit=900,
                              subtitleFontSize=11, subtitleColor="#5b6472", subtitlePadding=6, subtitleLineHeight=15)
    legend = alt.LegendConfig(orient="top", direction="horizontal", titleFontSize=11, labelFontSize=11, labelColor=INK,
                              titleColor=INK, titleFontWeight="normal", labelLimit=260, symbolStrokeWidth=1.5, offset=24)
    header = alt.HeaderConfig(labelFontSize=12, labelFontWeight=600, labelColor=INK, labelAnchor="start", title=None,
                              labelLimit=260)
    return alt.Config(font=FONT, axis=axis, title=heading, legend=legend, header=header,
                      view=alt.ViewConfig(stroke=None), text=alt.MarkConfig(fontSize=11, color=INK))


def panel_title(text: str) -> alt.Title:
    """The heading of one panel among several."""
    return alt.Title(text, fontSize=12, fontWeight=600, anchor="start", frame="group", offset=8)


def wrapped(title: str, width: int = 28) -> list[str]:
    """An axis title in lines, for a small panel."""
    return textwrap.wrap(title, width)


def row_axis(labels: Iterable[object], *, title: str | None = None, grid: bool = False) -> alt.Axis:
    """The axis of a column of row labels: as wide as the longest asks, never more than 220 pixels; its title on top."""
    width = min(220.0, 12 + _LABEL_PIXELS * max((len(str(label)) for label in labels), default=0))
    return alt.Axis(title=title, labelLimit=220, minExtent=width, ticks=False, domain=False, labelPadding=8, grid=grid,
                    titleAngle=0, titleAlign="left", titleAnchor="start", titleX=-width, titleY=-8)


def nothing_to_draw(what: str, *, title: str) -> alt.TopLevelMixin:
    """The chart of an empty table: it says so, so that a page shows that the question was asked."""
    words = pd.DataFrame({"words": [f"The table of {what} has no rows: there is nothing to draw."]})
    chart = alt.Chart(words, width=WIDTH, height=40).mark_text(align="left", color=INK, fontSize=12)
    return styled(chart.encode(x=alt.XValue(0), text=alt.Text("words:N")), title=title, subtitle="n = 0")
