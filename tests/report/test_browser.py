"""Pages in a real browser, opened as files with the network off."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from stand_ins import PARAMETERS

from workbench.errors import ParameterError, ReportError
from workbench.report import find_run, run
from workbench.report.artefact import Run

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
    page.click(".more a")
    assert page.url.endswith("agreement.html#finding-agreement-share-is-low")
    assert (said, asked, dialogs) == ([], [], [])


HOSTILE = ["<img src=x onerror=alert(1)>", "\"><script>alert(2)</script>", "</script><script>alert(3)</script>", "[x](javascript:alert(4))",
           "<svg onload=alert(5)>", "{{ 7 * 7 }}", "javascript:alert(6)", "<a href='javascript:alert(7)'>y</a>"]
FORMULAS = ["=HYPERLINK(\"https://evil.example\",\"x\")", "+1+cmd|' /C calc'!A0", "-2+3+cmd|x", "@SUM(1+1)", "\t=1+1", "\r=1+1", "  =1+1"]
SHOW = """import workbench as wb
from IPython.display import Markdown, HTML, display
ratings = wb.read(data, columns=columns, exclude=exclude)
raters = wb.agreement.raters(ratings)
display(ratings, wb.show(raters, limit=40), ratings.to_pandas(), Markdown(" ".join(raters["rater_id"])), HTML(raters["rater_id"].iloc[0]))
for rater in raters["rater_id"]: print(rater)
influence = raters[raters["name"] == "influence"]
display(Markdown("## Who differs?"), Markdown("#### More of it"), wb.show(raters))
wb.chart.rater_forest(influence, measure="Influence", title=raters["rater_id"].iloc[0])"""
DRAW = """import altair as alt
display(Markdown("## What they say"))
rows = [{"who": rater, "value": place, "text": text} for place, (rater, text) in enumerate(zip(ratings.to_pandas()["rater_id"].unique(), FORMULAS * 3))]
alt.Chart(alt.Data(values=rows), title="What do they say?", width=1600).mark_point().encode(x="value:Q", y="who:N", tooltip=["who:N", "text:N"])"""
FOUND = """from workbench.estimates import estimate, estimates_table, finding, findings_table
names = ratings.to_pandas()["rater_id"].unique()
made = [finding("hostile", name, f"{name} differs.", severity="attention", where={"rater_id": name}, action=f"Ask {name}.",
                evidence=estimate("alpha", 0.5, low=0.4, high=0.6, n_items=6, note=name)) for name in names]
told = estimates_table([estimate("alpha", 0.5, low=0.4, high=0.6, n_items=6) | {"who": name} for name in names], by=["who"])
wb.report.save(findings=findings_table(made), estimates=told, out=out)"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A report on ratings whose every name is an attack, their file's name too; a parameter is one as well."""
    root = tmp_path_factory.mktemp("hostile")
    (root / "notebooks").mkdir(), (root / "reports").mkdir()
    names = [*HOSTILE, *FORMULAS[:4]]
    rows = [{"item_id": f"{names[i]} {i}", "rater_id": name, "score": (i * 3 + j) % 4 + 1, "criterion": HOSTILE[0], "task_type": HOSTILE[1],
             "text": HOSTILE[2], "party": HOSTILE[4]} for i, (j, name) in itertools.product(range(6), enumerate(names))]
    data = root / "<img src=x onerror=alert(9)>.csv"
    pd.DataFrame(rows).to_csv(data, index=False)
    told = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    cells = [nbformat.v4.new_code_cell(text.replace("FORMULAS", repr(FORMULAS))) for text in (SHOW, DRAW, FOUND)]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(f"# Is {HOSTILE[0]} safe?\n\n## {HOSTILE[0]}\n\n{HOSTILE[3]}"), told, *cells])
    nbformat.write(book, root / "notebooks/hostile.ipynb")
    [made] = run("hostile", workspace=root, data=data, parameters={"criterion": HOSTILE[1]})
    return made


@pytest.fixture
def look(chromium) -> Iterator[Callable]:
    """Opens a page of a report, all its charts drawn; at the end nothing may have been said, asked for or have run."""
    heard, contexts = [], []

    def opened(path: Path, **options: object):
        contexts.append(chromium.new_context(**options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("dialog", lambda dialog: (heard.append(dialog.message), dialog.dismiss()))
        page.route(lambda url: not url.startswith(("file:", "blob:")), lambda route: (heard.append(route.request.url), route.abort()))
        page.goto(path.as_uri())
        page.wait_for_function("document.querySelectorAll('figure.chart:not([data-drawn=yes])').length == 0")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert heard == []


def test_hostile_names_are_shown_and_nothing_of_them_runs(hostile: Run, look: Callable) -> None:
    for name in ("index.html", "hostile.html"):
        page = look(hostile.path / name)
        page.eval_on_selector_all("details", "all => all.forEach(fold => fold.open = true)")
        assert page.eval_on_selector_all("a[href]", "all => all.filter(link => link.protocol == 'javascript:').length") == 0
        for mark in page.query_selector_all("figure.chart .mark-symbol path")[:20]:
            mark.dispatch_event("pointermove", {"bubbles": True})
            mark.hover(force=True)
        page.wait_for_timeout(200)
        assert page.eval_on_selector_all("img[src=x], [onerror], [onload], main script:not([type='application/json'])", "all => all.length") == 0
        assert "<img src=x onerror=alert(1)>" in page.inner_text("body") and "{{ 7 * 7 }}" in page.inner_text("body")
    look(hostile.path.parents[2] / "index.html")


def test_a_charts_data_are_saved_without_formulas_that_a_spreadsheet_would_run(hostile: Run, look: Callable) -> None:
    page = look(hostile.path / "hostile.html")
    figure = page.locator("figure.chart").nth(1)
    figure.locator("summary").click()
    with page.expect_download() as waited:
        figure.get_by_text("Save data as CSV").click()
    assert waited.value.suggested_filename == f"{figure.get_attribute('id')}.csv"
    rows = list(csv.DictReader(io.StringIO(Path(waited.value.path()).read_bytes().decode("utf-8-sig"), newline="")))
    assert [row["text"] for row in rows][:7] == [f"'{text}" for text in FORMULAS]
    assert [row["who"].removeprefix("'") for row in rows] == [*HOSTILE, *FORMULAS[:4]] and rows[3]["value"] == "3"
    assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+-@\t\r"]


def test_a_chart_is_saved_as_a_picture(hostile: Run, look: Callable) -> None:
    page = look(hostile.path / "hostile.html")
    figure = page.locator("figure.chart").nth(1)
    figure.locator("summary").press("Enter")
    for kind, begins in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        with page.expect_download() as waited:
            figure.get_by_text(f"Save as {kind}").click()
        assert Path(waited.value.path()).read_bytes()[:4] == begins


def test_a_finding_leads_to_its_passport(hostile: Run, look: Callable) -> None:
    page = look(hostile.path / "index.html")
    page.click("a:text-is('passport') >> nth=2")
    page.wait_for_load_state()
    assert "hostile.html#passport-" in page.url
    opened = page.locator("details.passport[open]")
    assert opened.count() == 1 and opened.locator("dl").is_visible()
    known = json.loads((hostile.path / "passports.json").read_text(encoding="utf-8"))
    one = hostile.findings.iloc[2]
    assert known["findings"][one["id"]]["where"] == {"rater_id": json.loads(one["slice"])["rater_id"]}
    assert known["shared"]["snapshot"]["id"] in opened.inner_text() and known["findings"][one["id"]]["evidence"]["n_items"] == 6


def test_the_keyboard_reaches_the_content_first_and_whatever_scrolls(hostile: Run, look: Callable) -> None:
    page = look(hostile.path / "hostile.html", viewport={"width": 600, "height": 800})
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")
    wide = "all => all.filter(box => box.scrollWidth > box.clientWidth + 1).map(box => box.tabIndex)"
    scrolling = page.eval_on_selector_all(".output, figure", wide)
    assert scrolling and set(scrolling) == {0}
    assert page.locator("details.narrow").is_visible()      # the table of contents, where there is no room beside


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 400, "height": 800}}], ids=["light", "dark", "narrow"])
def test_no_page_bars_anyone(hostile: Run, look: Callable, options: dict) -> None:
    import axe_playwright_python

    axe = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    shelf = hostile.path.parents[2]
    for path in (hostile.path / "index.html", hostile.path / "hostile.html", shelf / "index.html", *shelf.glob("hostile/*.html")):
        page = look(path, **options)
        page.eval_on_selector_all("details", "all => all.forEach(fold => fold.open = true)")
        page.evaluate(axe)
        found = page.evaluate("axe.run()")
        assert len(found["passes"]) > 10
        assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"] if one["impact"] in ("serious", "critical")] == []


def test_a_page_prints_its_folded_details_and_no_controls(hostile: Run, look: Callable) -> None:
    page = look(hostile.path / "hostile.html")
    page.emulate_media(media="print")
    assert page.eval_on_selector_all(".top, aside, details.code, .passport, .vega-embed summary", "all => all.filter(x => x.checkVisibility()).length") == 0
    assert page.locator(".fold table").first.is_visible() and page.locator("figure.chart svg.marks").first.is_visible()


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "..", "a/b", "<img src=x onerror=alert(1)>", "x\n"])
def test_names_that_lead_elsewhere_are_refused(hostile: Run, name: str) -> None:
    root = hostile.path.parents[3]
    with pytest.raises(ParameterError, match="neither a pack nor a notebook"):
        run(name, workspace=root)
    with pytest.raises(ParameterError):
        run("hostile", workspace=root, data=root / "<img src=x onerror=alert(9)>.csv", period=name)
    with pytest.raises((ParameterError, ReportError)):
        find_run(name, workspace=root)
    (root / "reports/other.toml").write_text(f"[[notebook]]\nname = {json.dumps(name)}\n", encoding="utf-8")
    with pytest.raises(ParameterError, match="is not in notebooks/"):
        run("other", workspace=root)
    (root / "reports/other.toml").unlink()
