"""Tables for reading: every cell escaped, intervals beside their estimates, undefined values as a dash."""

from __future__ import annotations

import numpy as np
import pandas as pd

import workbench as wb
from workbench.display import number
from workbench.estimates import estimate, estimates_table, finding, findings_table


def test_numbers_read_as_a_person_writes_them() -> None:
    assert [number(v) for v in (3, np.int64(12345), 0.12345, 2500.0, 123.456, np.nan, None, True, np.bool_(False), np.inf)] == [
        "3", "12,345", "0.123", "2,500", "123.5", "–", "–", "yes", "no", "∞"]
    assert number(pd.Timestamp("2026-11-09 08:30", tz="UTC")) == "2026-11-09"


def test_the_interval_stands_behind_its_estimate_and_says_its_confidence() -> None:
    table = estimates_table([estimate("alpha", 0.5, low=0.4, high=0.6, confidence=0.9, n_items=12)])
    html = wb.show(table)._repr_html_()
    assert "0.500 [0.400, 0.600]" in html and "90% interval" in html and ">12<" in html


def test_hostile_text_is_shown_escaped_and_cut() -> None:
    html = wb.show(pd.DataFrame({"text": ["<script>alert(1)</script>" + "x" * 500]}))._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html and "x" * 300 not in html


def test_findings_are_shown_as_sentences_with_what_to_do() -> None:
    table = findings_table([finding("drift", "mean moved", "It moved.", severity="alarm", action="Look.")])
    html = wb.show(table)._repr_html_()
    assert "It moved." in html and "Look." in html and "▲ alarm" in html


def test_rows_beyond_the_limit_are_counted() -> None:
    assert "30 rows, the first 20 shown" in wb.show(pd.DataFrame({"n": range(30)}))._repr_html_()


def test_notes_stand_below_the_table_once_each() -> None:
    rows = [estimate("alpha", 0.5, note="few items"), estimate("ac", 0.4, note="few items"), estimate("pa", 0.3)]
    html = wb.show(estimates_table(rows))._repr_html_()
    assert html.count("few items") == 1 and html.count("<td>a</td>") == 2 and "a: few items" in html


def test_whole_numbers_and_small_probabilities_are_read_as_such() -> None:
    table = pd.DataFrame({"name": ["a", "b"], "value": [1.0, 2.0], "df": [33.0, float("nan")], "p": [0.0, 0.04], "share": [0.0, 1.0]})
    html = wb.show(table).html
    assert "<td>33</td>" in html and "&lt;0.001" in html and "<td>0.040</td>" in html and "<td>1.000</td>" in html and "2.000" in html
