"""The same reductions on Spark and on DuckDB. Spark runs in this process, on one core."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # pyspark's own warnings
TOLERANCE = 1e-9


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[wb.Ratings, wb.Ratings]]:
    """One set of files read on either engine."""
    pytest.importorskip("pyspark")
    if not shutil.which("java"):
        pytest.skip("Spark needs Java")
    rng, folder, n = np.random.default_rng(0), tmp_path_factory.mktemp("spark"), 600
    frame = pd.DataFrame({"item_id": rng.integers(0, 60, n).astype(str), "rater_id": rng.choice(list("uvwxyz"), n),
                          "criterion": rng.choice(["c11", "names", "many"], n), "party": rng.choice(["p", "q", None], n),
                          "rated_at": pd.to_datetime("2026-11-02", utc=True) + pd.to_timedelta(rng.permutation(n), unit="h")})
    frame["score"] = np.where(frame["criterion"] == "c11", rng.integers(0, 11, n), np.where(frame["criterion"] == "many", rng.normal(size=n), np.nan))
    frame["label"] = np.where(frame["criterion"] == "names", np.char.add("l", rng.integers(0, 40, n).astype(str)), None)
    frame.drop(columns="party")[:300].to_parquet(folder / "a.parquet")
    frame[300:].to_parquet(folder / "b.parquet")
    paths: list[Path] = [folder / "a.parquet", folder / "b.parquet"]
    yield wb.read(paths), wb.read(paths, engine="local[1]")


def test_patterns_are_equal_on_both_engines(both: tuple[wb.Ratings, wb.Ratings]) -> None:
    one, other = (wb.reduce.patterns(r.where(criterion=["c11", "names"]), by=["criterion", "party"]) for r in both)
    assert [dict(p.key) for p in one] == [dict(p.key) for p in other] and len(one) == 6
    for p, q in zip(one, other):
        np.testing.assert_array_equal(p.counts, q.counts)
        np.testing.assert_array_equal(p.weight, q.weight)
        assert (p.n_raters, p.n_ratings, p.n_dropped, p.levels) == (q.n_raters, q.n_ratings, q.n_dropped, q.levels)


def test_moments_windows_and_cells_are_equal_on_both_engines(both: tuple[wb.Ratings, wb.Ratings]) -> None:
    one, other = (wb.reduce.moments(r, by=["criterion"]) for r in both)
    for p, q in zip(one, other):
        for field in ("n", "total", "squares", "weight"):
            np.testing.assert_allclose(np.sort(getattr(p, field)), np.sort(getattr(q, field)), atol=TOLERANCE)
    a, b = (wb.reduce.windows(r, by=["criterion"]) for r in both)
    assert a["window"].astype("int64").tolist() == b["window"].astype("int64").tolist()
    np.testing.assert_allclose(a[["total", "squares"]].astype(float), b[["total", "squares"]].astype(float), atol=TOLERANCE)
    a, b = (wb.reduce.cells(r, by=["criterion"]).sort_values(["criterion", "item_id", "rater_id"]) for r in both)
    assert a["level"].tolist() == b["level"].tolist()
