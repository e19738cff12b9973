"""Pages in a real browser, opened as files with the network off."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workbench.report import run

pytestmark = pytest.mark.browser
FLAGS = ("--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
         "--disable-component-update --disable-sync").split()
CHART = '''import altair as alt
alt.renderers.enable("mimetype")
table = [{"rater": "r1", "alpha": 0.2, "low": 0.1}, {"rater": "<img src=x onerror=alert(1)>", "alpha": 0.7, "low": 0.5}]
dots = alt.Chart(alt.Data(values=table), title="Who differs?").mark_point().encode(x="alpha:Q", y="rater:N", tooltip=["rater:N", "alpha:Q"])
'''


@pytest.fixture
def chromium() -> Iterator:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        (pytest.fail if os.environ.get("WORKBENCH_CI") == "1" else pytest.skip)("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


def test_every_chart_is_drawn_with_the_network_off_and_hostile_text_stays_text(workspace: Path, write: Callable, chromium) -> None:
    hostile = "from IPython.display import HTML\nHTML('<p onclick=alert(2)>x</p><script>alert(3)</script><img src=x onerror=alert(4)>')"
    write("agreement", CHART + "dots", "dots.transform_calculate(gap='datum.alpha - datum.low').transform_filter('datum.gap > 0')", hostile)
    [made] = run("agreement")
    page = chromium.new_page()
    said, asked, dialogs = [], [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else (asked.append(route.request.url), route.abort()))
    page.goto((made.path / "agreement.html").as_uri())
    page.wait_for_function("document.querySelectorAll('figure.chart[data-drawn]').length == 2")
    assert page.eval_on_selector_all("figure.chart", "all => all.map(f => f.dataset.drawn)") == ["yes", "yes"]
    assert page.eval_on_selector_all("figure.chart svg.marks", "all => all.map(s => s.querySelectorAll('.mark-symbol path').length)") == [2, 2]
    page.hover("figure.chart svg.marks .mark-symbol path >> nth=1")
    page.wait_for_timeout(300)
    assert "<img src=x" in page.inner_text("#vg-tooltip-element")
    page.goto(made.index.as_uri())
    page.click("a.more")
    assert page.url.endswith("agreement.html#finding-agreement-share-is-low")
    assert (said, asked, dialogs) == ([], [], [])
