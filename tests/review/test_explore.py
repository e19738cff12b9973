"""Linked exploration without a browser: what the cells hold, and what is left in tables and queue when some are chosen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ParameterError
from workbench.review.linked import Explorer
from workbench.review.overview import NONE, OTHERS, PAIRS, SEVERAL, WEEKS, capped, overview

CLOSE = 1e-12       # sums of a few numbers between 0 and 1
Open = Callable[..., Explorer]


@pytest.fixture
def opened(ratings: wb.Ratings, folder: Path) -> Iterator[Open]:
    """Opens an exploration of the store, by "mara"."""
    made: list[Explorer] = []

    def open_one(**how: object) -> Explorer:
        made.append(wb.review.explore(ratings, reviewer="mara", into=folder, second_share=0, **how))
        return made[-1]

    yield open_one
    for explorer in made:
        explorer.leave_panel()


def brushed(explorer: Explorer, *, brush: dict | None = None, click: list | None = None) -> None:
    """What the chart's script tells the kernel once something was chosen with the mouse."""
    explorer._chart._vl_selections = {"brush": {"value": brush or {}, "store": [brush] if brush else []},
                                      "click": {"value": {"vlPoint": {"or": click}} if click else {}, "store": click or []}}


def seen(explorer: Explorer) -> str:
    return explorer._said.value + explorer._units.value + explorer._raters.value


def noisy(n: int, seed: int = 0) -> pd.DataFrame:
    """Ratings by five raters of items on two criteria, one with order and one without, some items rated once."""
    rng = np.random.default_rng(seed)
    rows = [{"item_id": f"i{i}", "criterion": criterion, "rater_id": f"r{who}", "task_type": ["code", "math", None][i % 3],
             "party": "lab" if who < 2 else "vendor", "rated_at": pd.Timestamp("2026-10-05", tz="UTC") + pd.Timedelta(days=i),
             "score": float(rng.integers(1, 5)) if criterion == "help" else None,
             "label": None if criterion == "help" else rng.choice(["a", "b", "c"])}
            for i in range(n) for criterion in ("help", "kind") for who in rng.choice(5, rng.integers(1, 5), replace=False)]
    return pd.DataFrame(rows)


def test_a_cell_is_the_mean_disagreement_of_its_units_by_hand(ratings: wb.Ratings) -> None:
    cells = overview(ratings, columns=["task_type"]).laid_out_by("task_type").cells.set_index("down")
    # help: pairs a0 111 and a6 111 and a3 222: 0; a1 113, a2 133, a4 331, a7 313: 2 of 3 pairs a whole scale apart, 2/3;
    # a5 123: (1/4 + 1/4 + 1) / 3 = 1/2; the mean of eight: (4 * 2/3 + 1/2) / 8
    assert cells.loc["help", "value"] == pytest.approx((4 * 2 / 3 + 1 / 2) / 8, abs=CLOSE) and cells.loc["help", "n_items"] == 8
    # safe: 0 and 2/3; slider: one pair, (79.5 / 100)^2, of one unit, which has no interval
    assert cells.loc["safe", "value"] == pytest.approx(1 / 3, abs=CLOSE)
    assert cells.loc["slider", "value"] == pytest.approx(0.795**2, abs=CLOSE)
    assert np.isnan(cells.loc["slider", "low"]) and cells.loc["slider", "note"] == "one unit: no interval"


def test_the_units_stand_in_the_order_and_with_the_figures_of_the_queue(ratings: wb.Ratings) -> None:
    found = overview(ratings, seed=3)
    queue = wb.review.queue(ratings, limit=10**6, seed=3)
    pd.testing.assert_frame_equal(found.units[~found.settled].reset_index(drop=True), queue)


@pytest.mark.parametrize("view", [PAIRS, WEEKS, "task_type"])
def test_every_layout_is_what_a_loop_over_the_ratings_finds(view: str) -> None:
    frame = noisy(60)
    found = overview(wb.read(frame), columns=["task_type"])
    shown, expected, members = found.laid_out_by(view), {}, {}
    places = {(u.criterion, u.item_id): at for at, u in enumerate(found.units.itertuples())}
    ends = frame["score"].dropna().agg(["min", "max"])
    for (criterion, item), unit in frame.groupby(["criterion", "item_id"]):
        gaps = {}
        for a, b in combinations(unit.sort_values("rater_id").itertuples(), 2):
            gap = ((a.score - b.score) / (ends["max"] - ends["min"])) ** 2 if criterion == "help" else float(a.label != b.label)
            gaps[a.rater_id, b.rater_id] = gap
        week = (unit["rated_at"].max() - pd.Timedelta(days=unit["rated_at"].max().weekday())).normalize()
        task = unit["task_type"].iloc[0]
        for pair, gap in gaps.items():
            cell = frozenset(pair) if view == PAIRS else (criterion, week if view == WEEKS else NONE if pd.isna(task) else task)
            expected.setdefault(cell, {}).setdefault((criterion, item), []).append(gap)
            members.setdefault(cell, set()).add(places[criterion, item])
    key = (lambda r: frozenset((r.down, r.across))) if view == PAIRS else (lambda r: (r.down, r.across))
    assert {key(r) for r in shown.cells.itertuples()} == expected.keys()
    for r in shown.cells.itertuples():
        means = [np.mean(gaps) for gaps in expected[key(r)].values()]
        assert (r.value, r.n_items) == (pytest.approx(np.mean(means), abs=CLOSE), len(means))
        assert set(shown.inside([r.Index])) == members[key(r)]


def test_a_rater_s_figure_is_their_mean_distance_to_the_others_of_each_unit() -> None:
    frame = noisy(40, seed=1)
    found = overview(wb.read(frame), columns=[])
    inside = np.flatnonzero(found.units["criterion"] == "kind")[:10]
    chosen = set(found.units["item_id"].iloc[inside])
    units = frame[(frame["criterion"] == "kind") & frame["item_id"].isin(chosen)]
    distances: dict[str, list[float]] = {}
    for _, unit in units.groupby("item_id"):
        for r in unit.itertuples():
            distances.setdefault(r.rater_id, []).append((unit.loc[unit["rater_id"] != r.rater_id, "label"] != r.label).mean())
    told = found.by_rater(inside).set_index("rater_id")
    assert told["n_items"].to_dict() == {who: len(values) for who, values in distances.items()}
    assert told["value"].to_dict() == pytest.approx({who: np.mean(values) for who, values in distances.items()}, abs=CLOSE)


def test_the_interval_of_a_mean_is_student_s() -> None:
    from scipy import stats

    found = overview(wb.read(noisy(60)), columns=["task_type"])
    shown = found.laid_out_by("task_type")
    values = found.units["value"].to_numpy()[shown.inside([0])]
    low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
    assert tuple(shown.cells.loc[0, ["low", "high"]]) == pytest.approx((low, high))


def test_levels_that_differ_within_a_unit_are_missing_or_rare_have_a_name() -> None:
    found = overview(wb.read(noisy(60)), columns=["task_type", "party"])
    assert NONE in set(found.laid_out_by("task_type").cells["across"]) and SEVERAL in set(found.laid_out_by("party").cells["across"])
    levels = capped(pd.Series(["a"] * 3 + ["b"] * 2 + ["c", "d", None]), 2)
    assert list(levels) == ["a"] * 3 + ["b"] * 2 + [OTHERS] * 3 and list(levels.categories) == ["a", "b", OTHERS]


def test_a_brush_and_a_click_leave_their_units_in_queue_and_tables(opened: Open) -> None:
    explorer = opened(columns=["task_type"])
    assert len(explorer.queue) == 11 and "All cells" in seen(explorer) and "Review all 11" in explorer._go.description
    brushed(explorer, brush={"down": ["safe"], "across": ["code"]})
    assert set(explorer.queue["criterion"]) == {"safe"} and list(explorer.queue["item_id"]) == ["a1", "a0"]
    assert "1 of 3 cells" in seen(explorer) and "2 units" in seen(explorer) and "help" not in explorer._units.value
    assert explorer._list.value == explorer.chosen == tuple(explorer._chart.params.picked) and len(explorer.chosen) == 1
    both = explorer.chosen
    brushed(explorer, brush={"down": ["safe", "slider"], "across": ["code"]})
    assert set(explorer.queue["criterion"]) == {"safe", "slider"} and set(both) < set(explorer.chosen)
    brushed(explorer, click=[{"cell": both[0]}])
    assert explorer.chosen == both
    brushed(explorer)
    assert explorer.chosen == () and len(explorer.queue) == 11


def test_weeks_are_brushed_by_their_span(opened: Open) -> None:
    explorer = opened(columns=[])
    explorer._view.value = WEEKS
    monday = 1000 * pd.Timestamp("2026-11-02", tz="UTC").timestamp()
    brushed(explorer, brush={"window": [monday - 1, monday + 1]})
    assert len(explorer.chosen) == 3 and len(explorer.queue) == 11
    brushed(explorer, brush={"window": [monday + 1, monday + 2]})
    assert explorer.chosen == ()


def test_the_list_chooses_as_the_mouse_does_and_another_view_starts_anew(opened: Open) -> None:
    explorer = opened(columns=["task_type"])
    name, first = explorer._list.options[0]
    assert name.startswith("0.63  slider · code  (n = 1)")
    explorer._list.value = (first,)
    assert list(explorer.queue["criterion"]) == ["slider"] and explorer._chart.params.picked == [first]
    explorer._view.value = PAIRS
    assert explorer.chosen == () and explorer._chart.params.picked == [] and len(explorer.shown.cells) == 3
    # cem is with bob on ten units, and with ann on as many; only ann and bob share the slider
    explorer.choose(i for i, r in explorer.shown.cells.iterrows() if {r["down"], r["across"]} == {"bob", "cem"})
    assert len(explorer.queue) == 10 and "pair" not in set(explorer.queue["item_id"])


def test_the_tables_name_raters_but_no_rating_so_that_a_review_stays_blind(opened: Open) -> None:
    explorer = opened(columns=["task_type"])
    brushed(explorer, brush={"down": ["safe"], "across": ["code"]})
    assert "ann" in explorer._raters.value and "unsafe" not in seen(explorer)


def test_what_was_chosen_is_the_queue_of_the_panel_below(opened: Open, folder: Path) -> None:
    explorer = opened(columns=["task_type"])
    brushed(explorer, brush={"down": ["safe"], "across": ["code"]})
    explorer._go.click()
    board = explorer.board
    assert explorer._slot.children == (board,) and [u.item_id for u in board.desk.left] == ["a1", "a0"]
    brushed(explorer, brush={"down": ["help"], "across": ["code"]})     # the panel stays as it was opened, until the next
    assert {u.criterion for u in board.desk.left} == {"safe"}
    explorer._go.click()
    assert {u.criterion for u in explorer.board.desk.left} == {"help"} and explorer.board is not board
    other = wb.review.panel(wb.read(folder), reviewer="ben", into=folder, kind=explorer.explored, second_share=0)
    assert {u.criterion for u in other.desk.left} == {"help"} and other.desk.kind == "explored"
    other.close()


def test_settled_units_are_counted_and_leave_the_queue(folder: Path) -> None:
    board = wb.review.panel(wb.read(folder), reviewer="mara", into=folder, where={"criterion": "safe"}, second_share=0)
    board.press("1")
    board.close()
    explorer = wb.review.explore(wb.read(folder), reviewer="ben", into=folder, columns=["task_type"])
    brushed(explorer, brush={"down": ["safe"], "across": ["code"]})
    assert "2 units, 1 of them to review, 1 settled" in seen(explorer) and len(explorer.queue) == 1
    assert explorer.shown.cells.set_index("down").loc["safe", "n_items"] == 2


def test_nothing_to_compare_is_said_in_words(displayed: Callable) -> None:
    once = pd.DataFrame({"item_id": ["a", "b"], "rater_id": ["x", "y"], "score": [1.0, 2.0]})
    explorer = wb.review.explore(wb.read(once))
    words = " ".join(getattr(child, "value", "") for child in explorer._where.children)
    assert "No unit has two ratings that count" in words and "No unit has two ratings" in displayed(explorer)[1]["text/html"]


def test_a_fault_is_said_where_the_figures_stand(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = opened(columns=["task_type"])
    monkeypatch.setattr(explorer, "_opened", lambda kind: (_ for _ in ()).throw(ParameterError("reviewer='a/b': no slash.")))
    explorer._go.click()
    assert "reviewer=&#x27;a/b&#x27;: no slash." in explorer._said.value and "role='alert'" in explorer._said.value
    with pytest.raises(ParameterError, match="column 'nope' is not in"):
        wb.review.explore(explorer.overview.ratings, columns=["nope"])


def test_without_a_login_the_reviewer_must_be_named(ratings: wb.Ratings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.review.linked.getuser", lambda: (_ for _ in ()).throw(OSError("no login")))
    explorer = wb.review.explore(ratings, columns=[])
    explorer._go.click()
    assert "the machine knows no login" in explorer._said.value and explorer.board is None


def test_the_still_picture_holds_the_map_and_the_head_of_the_queue(opened: Open, displayed: Callable) -> None:
    explorer = opened(columns=["task_type"])
    shown, picture = displayed(explorer)
    html = picture["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in shown and "text/html" not in shown and "<script" not in html
    assert "A still picture" in html and "0.63" in html and ">pair<" in html and "slider" in html


def test_the_script_of_the_chart_asks_nothing_of_the_network(opened: Open) -> None:
    script = opened(columns=[])._chart._esm
    assert "esm.sh" not in script and not [line for line in script.splitlines() if line.startswith("import ")]
    assert "esm.sh" in sys.modules["altair"].JupyterChart._esm      # altair's own is left as it was
