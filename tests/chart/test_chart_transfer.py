from __future__ import annotations

import math

import pandas as pd
import pytest

from workbench import chart
from workbench.chart.style import ACCENT, ALERT, QUIET
from workbench.errors import ParameterError

NAN = math.nan


@pytest.fixture
def gains(table) -> pd.DataFrame:
    """Two criteria: a gain that transfers, one that does not, and a party of which nothing is known."""
    def row(criterion: str, measure: str, role: str, value: float, ratio: float, verdict: str, note: str = "") -> tuple:
        return ("gain", value, value - 0.05, value + 0.05, {
            "instrument": criterion, "group": "all ratings", "measure": measure, "role": role, "against": "", "ratio": ratio,
            "ratio_low": ratio - 0.2, "ratio_high": ratio + 0.2, "verdict": verdict, "note": note})
    return table(row("tone", "lab", "coupled", 0.2, NAN, ""), row("tone", "panel", "independent", 0.2, 1.0, "transfers"),
                 row("style", "lab", "coupled", 0.3, NAN, ""), row("style", "panel", "independent", 0.03, 0.1, "does not transfer"),
                 row("style", "vendor", "independent party", NAN, NAN, "cannot tell", "3 versions are rated by both"))


def test_gains_show_every_measure_and_those_who_profit_in_colour(gains, views, mark, texts) -> None:
    seen = views(chart.gain_forest(gains))
    colour = mark(seen, "point")[0]["encoding"]["color"]["scale"]
    assert dict(zip(colour["domain"], colour["range"])) == {"coupled, or a proxy": ACCENT, "independent, a reference or a confound": QUIET}
    assert {"lab · tone", "panel · style", "vendor · style", "no gain"} <= texts(chart.gain_forest(gains))
    assert any("3 versions are rated by both" in text for text in texts(chart.gain_forest(gains)))


def test_a_reference_beside_two_proxies_is_drawn_once(gains, texts) -> None:
    twice = gains.assign(role=gains["role"].replace({"coupled": "proxy", "independent": "reference"}))
    twice = pd.concat([twice, twice[twice["role"] == "reference"].assign(against="auto")], ignore_index=True)
    spec = chart.gain_forest(twice).to_dict(validate=False)
    rows = next(rows for rows in spec["datasets"].values() if "reading" in rows[0])
    assert len(rows) == 5


def test_ratios_stand_against_one_half_and_the_whole_gain(gains, views, mark, texts) -> None:
    seen = views(chart.transfer_forest(gains))
    colour = mark(seen, "point")[0]["encoding"]["color"]["scale"]
    assert dict(zip(colour["domain"], colour["range"])) == {"surely more than half": ACCENT, "surely less than half": ALERT,
                                                            "cannot tell": QUIET}
    assert {"one half", "the whole gain", "1.00 [0.80, 1.20]", "0.10 [−0.10, 0.30]"} <= texts(chart.transfer_forest(gains))
    assert mark(seen, "point")[0]["encoding"]["x"]["scale"]["domain"] == [-1, 2]


def test_rows_without_a_verdict_are_not_drawn(gains) -> None:
    spec = chart.transfer_forest(gains).to_dict(validate=False)
    rows = next(rows for rows in spec["datasets"].values() if "reading" in rows[0])
    assert [row["label"] for row in rows] == ["panel · tone", "panel · style", "vendor · style"]


def test_a_ratio_beyond_the_axis_is_cut_and_read_in_words(gains, texts) -> None:
    far = gains.assign(ratio=9.0, ratio_low=3.0, ratio_high=math.inf)
    spec = chart.transfer_forest(far).to_dict(validate=False)
    rows = next(rows for rows in spec["datasets"].values() if "reading" in rows[0])
    assert rows[0]["value"] == 2 and rows[0]["reading"] == "at least 3.00"


def test_the_graph_joins_parties_with_their_roles_and_colours_who_has_a_tie(views, mark, texts) -> None:
    edges = pd.DataFrame({"party": ["lab", "lab", "panel"], "role": ["rated", "wrote the rubric", "rated"], "n": [10, 0, 5]})
    drawn = chart.party_roles(edges)
    lines = next(rows for rows in drawn.to_dict(validate=False)["datasets"].values() if "standing" in rows[0])
    assert [line["standing"] for line in lines] == ["rates, and has a tie"] * 2 + ["one role, or none beside it"]
    assert lines[0]["y2"] == lines[2]["y2"] and lines[0]["y"] == lines[1]["y"] != lines[2]["y"]
    assert drawn.to_dict(validate=False)["title"]["subtitle"] == ["1 of 2 parties rate and have a tie to what is rated · "
                                                                 "15 ratings by a known party"]
    assert {"lab", "panel", "rated", "wrote the rubric", "10 ratings"} <= texts(drawn) and len(mark(views(drawn), "rule")) == 1


def test_too_many_rows_name_the_cure(gains) -> None:
    many = pd.concat([gains.assign(instrument=gains["instrument"] + str(i)) for i in range(30)])
    with pytest.raises(ParameterError, match="chart.gain_forest: a chart takes at most 60 rows of results, found 150. To draw it, select"):
        chart.gain_forest(many)
    with pytest.raises(ParameterError, match="chart.transfer_forest: a chart takes at most 60 rows of results, found 90"):
        chart.transfer_forest(many)
