"""The funnel and the trajectories: what stands on which axis, what is named, and what is refused."""

from __future__ import annotations

import pandas as pd
import pytest

from workbench import chart
from workbench.errors import ParameterError


def rows(n: int = 3, behaviour: str = "noise", windows: int = 1) -> pd.DataFrame:
    made = [{"rater_id": f"r{i}", "behaviour": behaviour, "window": pd.Timestamp("2026-01-05", tz="UTC") + pd.Timedelta(weeks=w),
             "value": 1 + i / 10, "low": 0.9 + i / 10, "high": 1.2 + i / 10, "overall": 1 + i / 5, "overall_low": 0.9 + i / 5,
             "overall_high": 1.1 + i / 5, "n_overall": 100 * (i + 1), "n_ratings": 20, "usual": 1.0, "status": "found" if i == 2 else "",
             "q": 0.5, "confidence": 0.95} for i in range(n) for w in range(windows)]
    return pd.DataFrame(made)


def drawn(made: object) -> list[dict[str, object]]:
    return next(r for r in made.to_dict(validate=False)["datasets"].values() if "state" in r[0])


def test_the_funnel_shows_all_ratings_so_far_and_names_who_stands_out() -> None:
    made = chart.rater_funnel(rows())
    data = drawn(made)
    assert [(r["value"], r["n_ratings"], r["said"]) for r in data] == [(1.0, 100, ""), (1.2, 200, ""), (1.4, 300, "r2")]
    assert data[2]["state"] == "found: later ratings repeat it"
    spec = made.to_dict(validate=False)
    assert "Noise of 3 raters, 1 on watch or found" in spec["title"]["subtitle"][0] and "95 % intervals" in spec["title"]["subtitle"][0]
    axes = str(spec["layer"])
    assert "Ratings that tell it" in axes and "Distance from others, times the usual" in axes and "the raters' middle" in str(spec["datasets"])


def test_of_many_raters_those_furthest_apart_are_drawn_and_all_are_counted() -> None:
    table = rows(680).assign(q=[0.9] * 679 + [0.01], status=[""] * 679 + ["found"])
    made = chart.rater_funnel(table)
    assert len(drawn(made)) == 500 and [row["said"] for row in drawn(made) if row["said"]] == ["r679"]
    said = made.to_dict(validate=False)["title"]["subtitle"][0]
    assert said.startswith("Noise of 680 raters, 1 on watch or found; the 500 furthest apart are drawn")


def test_the_trajectory_has_a_panel_a_rater_on_one_axis() -> None:
    made = chart.rater_trajectory(rows(windows=4)).to_dict(validate=False)
    assert [panel["title"]["text"] for panel in made["vconcat"]] == ["r0", "r1", "r2"]
    domains = {tuple(layer["encoding"]["y"]["scale"]["domain"]) for panel in made["vconcat"] for layer in panel["layer"]
               if layer.get("encoding", {}).get("y", {}).get("scale", {}).get("domain")}
    assert len(domains) == 1


def test_one_behaviour_and_eight_raters_at_most() -> None:
    both = pd.concat([rows(), rows(behaviour="gold")])
    for name in ("rater_funnel", "rater_trajectory"):
        with pytest.raises(ParameterError, match=rf"chart\.{name}: draws one behaviour, found 2: noise, gold"):
            getattr(chart, name)(both)
    with pytest.raises(ParameterError, match="draws up to 8 raters, found 9"):
        chart.rater_trajectory(rows(9))
    with pytest.raises(ParameterError, match="expected one row for each behaviour, rater_id"):
        chart.rater_funnel(rows(windows=2))


def test_rows_without_a_value_are_not_drawn_and_none_at_all_is_said() -> None:
    table = rows()
    table.loc[0, ["overall", "overall_low", "overall_high"]] = float("nan")
    assert len(drawn(chart.rater_funnel(table))) == 2
    nothing = chart.rater_trajectory(table.assign(window=pd.NaT)).to_dict(validate=False)
    assert "there is nothing to draw" in str(nothing["datasets"])
