"""Pages in a real browser, opened as files with the network off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.report import run

pytestmark = pytest.mark.browser
CHART = '''import altair as alt
alt.renderers.enable("mimetype")
table = [{"rater": "r1", "alpha": 0.2, "low": 0.1}, {"rater": "<img src=x onerror=alert(1)>", "alpha": 0.7, "low": 0.5}]
dots = alt.Chart(alt.Data(values=table), title="Who differs?").mark_point().encode(x="alpha:Q", y="rater:N", tooltip=["rater:N", "alpha:Q"])
'''


DATES = '''import altair as alt
alt.renderers.enable("mimetype")
weeks = [{"week": "2026-11-02T00:00:00Z", "alpha": 0.2}, {"week": "2026-11-09T00:00:00Z", "alpha": 0.7}]
x = alt.X("week:T", scale=alt.Scale(domain=[1777593600000, 1793923200000]))
alt.Chart(alt.Data(values=weeks), title="When?").mark_point().encode(x=x, y="alpha:Q")'''


def test_a_scale_of_dates_stands_where_it_should_without_eval(workspace: Path, write: Callable, chromium) -> None:
    write("agreement", DATES)
    [made] = run("agreement")
    page, said = chromium.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.goto((made.path / "agreement.html").as_uri())
    page.wait_for_selector("figure.chart[data-drawn=yes] svg.marks")
    places = page.eval_on_selector_all("svg.marks .mark-symbol path", "all => all.map(mark => mark.getAttribute('transform'))")
    assert len({place.split(",")[0] for place in places}) == 2  # a week apart, where a broken scale puts both at 0
    assert said == []


def test_every_chart_is_drawn_with_the_network_off_and_hostile_text_stays_text(workspace: Path, write: Callable, chromium) -> None:
    hostile = "from IPython.display import HTML\nHTML('<p onclick=alert(2)>x</p><script>alert(3)</script><img src=x onerror=alert(4)>')"
    write("agreement", CHART + "dots", "dots.transform_calculate(gap='datum.alpha - datum.low').transform_filter('datum.gap > 0')", hostile)
    [made] = run("agreement")
    page = chromium.new_page()
    said, asked, dialogs = [], [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.route(lambda url: not url.startswith("file:"), lambda route: (asked.append(route.request.url), route.abort()))
    page.goto((made.path / "agreement.html").as_uri())
    page.wait_for_function("document.querySelectorAll('figure.chart[data-drawn]').length == 2")
    assert page.eval_on_selector_all("figure.chart", "all => all.map(f => f.dataset.drawn)") == ["yes", "yes"]
    count = "all => all.map(drawing => drawing.querySelectorAll('.mark-symbol path').length)"
    assert page.eval_on_selector_all("figure.chart svg.marks", count) == [2, 2]
    page.hover("figure.chart svg.marks .mark-symbol path >> nth=1")
    page.wait_for_timeout(300)
    assert "<img src=x" in page.inner_text("#vg-tooltip-element")
    page.goto(made.index.as_uri())
    page.click("a.more")
    assert page.url.endswith("agreement.html#finding-agreement-share-is-low")
    assert (said, asked, dialogs) == ([], [], [])
