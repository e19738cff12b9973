"""What the page's template makes of a notebook's parts: details folded, failures never, findings said once."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from stand_ins import PARAMETERS, SAVE

from workbench.errors import ReportError
from workbench.report import run

MARKDOWN = "from IPython.display import Markdown"


class Folds(HTMLParser):
    """Each piece of text, with the title of the fold it lies in; "" outside."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.summary, self.found, self.skipped = [], False, {}, 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "details":
            self.open.append("" if ("class", "fold") in attrs else None)
        self.summary = tag == "summary" and self.open[-1] == ""
        self.skipped += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        if tag == "details":
            self.open.pop()
        self.skipped -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if self.summary:
            self.open[-1], self.summary = data, False
        elif data.strip() and not self.skipped:
            self.found[data.strip()] = next((title for title in self.open if title), "")


def folds(path: Path) -> dict[str, str]:
    """Text to fold of a page, all of whose folds are closed again."""
    parser = Folds()
    parser.feed(path.read_text(encoding="utf-8"))
    assert parser.open == []
    return parser.found


def test_a_heading_of_level_four_folds_up_to_the_next_heading(workspace: Path, write: Callable) -> None:
    write("agreement", 'print("before")', f'{MARKDOWN}\nMarkdown("#### By level\\n\\nSome words.")', 'print("inside")',
          f'{MARKDOWN}\nMarkdown("#### By rater")', 'print("second")', f'{MARKDOWN}\nMarkdown("### Next")', 'print("after")')
    [made] = run("agreement")
    found = folds(made.path / "agreement.html")
    assert {text: found[text] for text in ("before", "Some words.", "inside", "second", "after")} == {
        "before": "", "Some words.": "By level", "inside": "By level", "second": "By rater", "after": ""}


def test_a_failure_is_never_folded(workspace: Path, write: Callable) -> None:
    write("agreement", f'{MARKDOWN}\nMarkdown("#### Details")', "1 / 0")
    with pytest.raises(ReportError):
        run("agreement")
    page, = (workspace / "reports").glob("agreement/*/*.failed/agreement.html")
    assert [fold for text, fold in folds(page).items() if text.startswith("ZeroDivisionError: division")] == [""]


def test_a_page_for_one_party_says_so_on_top_and_n_is_said_once(workspace: Path, write: Callable) -> None:
    more = """rows += [finding("NAME", "is fine", "They agree: 0.50 (95 % 0.40 to 0.60, 10 items).", severity="ok", evidence=evidence)]"""
    save = SAVE.replace("wb.report.save", more + "\nwb.report.save")
    write("agreement", parameters=PARAMETERS + '\nparty: str = "north"  # whose', save=save)
    [made] = run("agreement")
    html = (made.path / "agreement.html").read_text(encoding="utf-8")
    assert "raters of north" in re.search(r'<p class="kicker">.*</p>', html)[0]
    assert re.findall(r'<p class="sentence">(.*?)</p>', html) == ["Raters agree on half of the items.", "They agree: 0.50 (95 % 0.40 to 0.60, 10 items)."]
    assert html.count('class="evidence"') == 1 and html.index("findings slim") < html.index("They agree: 0.50")
