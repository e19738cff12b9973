"""Stand-in ratings, small notebooks and a reader of HTML for report tests: imported by name, which a `conftest` may not be."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from types import SimpleNamespace

import pandas as pd

from workbench.check.outcome import CheckOutcome
from workbench.periods import period_bounds
from workbench.source import Snapshot

PARAMETERS = '''data: str = "../data/sample"
columns: dict = {}
exclude: dict = {}
period: str = ""
engine: str = ""
seed: int = 0
out: str = ""
criterion: str = ""  # which criterion; empty for all
draws: int = 100  # bootstrap draws
threshold: float = 0.8  # lowest agreement accepted'''
SAVE = '''import workbench as wb
from workbench.estimates import estimate, estimates_table, finding, findings_table
estimates = estimates_table([estimate("agreement_share", 0.5, low=0.4, high=0.6, n_items=10) | {"criterion": "tone"}], by=["criterion"])
evidence = estimates.iloc[0].to_dict()
rows = [finding("NAME", "share is low", "Raters agree on half of the items.", severity="attention", evidence=evidence)]
wb.report.save(findings=findings_table(rows), estimates=estimates, out=out)'''


@dataclass(frozen=True)
class Dated:
    """As much of `Ratings` as a report asks for: the times of ratings and an identity."""

    times: tuple[dt.datetime, ...]
    id: str = "f00d"
    said: str = ""

    source = SimpleNamespace(kept="")

    def between(self, start: dt.datetime | None, end: dt.datetime | None) -> Dated:
        return replace(self, times=tuple(t for t in self.times if (not start or t >= start) and (not end or t < end)))

    def period(self, period: str) -> Dated:
        return self if period == "undated" else self.between(*period_bounds(period))

    @property
    def first(self) -> pd.Timestamp | None:
        return pd.Timestamp(min(self.times)) if self.times else None

    @property
    def last(self) -> pd.Timestamp | None:
        return pd.Timestamp(max(self.times)) if self.times else None

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot(id=self.id, name="sample", version="v", n_rows=len(self.times), rubrics={"tone 1": "abc"})

    def until(self, period: str) -> Dated:
        return self if period == "undated" else self.between(None, period_bounds(period)[1])

    def excluded(self) -> dict[str, int]:
        return {"is_qc = True": 2}

    def to_pandas(self, limit: int | None = 100) -> pd.DataFrame:
        return pd.DataFrame({"rated_at": pd.to_datetime(list(self.times), utc=True), "item_id": [self.said] * len(self.times),
                             "rater_id": "ann"})

    def count(self) -> int:
        return len(self.times)

    def check(self) -> None:
        return None


CHECKED = (CheckOutcome("values", True, pd.DataFrame(), "every value keeps to the contract", required=True),
           CheckOutcome("overlap", False, pd.DataFrame(), "two groups of raters share no item"))


def days(*texts: str) -> Dated:
    """Ratings given at noon of these days."""
    return Dated(tuple(dt.datetime.fromisoformat(f"{text}T12:00+00:00") for text in texts))


class Elements(HTMLParser):
    """The names of a text's elements and attributes, and where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.names, self.attributes, self.links, self.styles = set(), set(), set(), set()

    @classmethod
    def of(cls, html: str) -> Elements:
        elements = cls()
        elements.feed(html)
        return elements

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value or "" for name, value in attrs if name == "href"}
        self.styles |= {value or "" for name, value in attrs if name == "style"}
