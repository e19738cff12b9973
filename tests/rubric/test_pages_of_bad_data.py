"""Both notebooks on data that cannot answer them: a page all the same, that says why."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bridged import bridged

from workbench.report import run

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


def sentences(home: Path, notebook: str, frame: pd.DataFrame) -> str:
    (home / "reports").mkdir()
    shutil.copytree(ROOT / "notebooks", home / "notebooks", ignore=shutil.ignore_patterns(".*"))
    frame.to_parquet(home / "ratings.parquet", index=False)
    [made] = run(notebook, workspace=home, data=home / "ratings.parquet")
    return " ".join(row["sentence"] for row in json.loads((made.path / "findings.json").read_text()))


@pytest.mark.parametrize(("notebook", "words"), [("rubric", "fewer than two rubric versions have ratings"),
                                                 ("disagreement", "no item was rated by two raters")])
def test_gaps_alone_make_a_page_that_says_so(tmp_path, notebook, words):
    assert words in sentences(tmp_path, notebook, bridged(1).assign(score=np.nan))


def test_trajectories_rated_by_steps_alone_have_their_most_contested_steps_drawn(tmp_path):
    number = bridged(1)["item_id"].str[1:].astype(int)
    frame = bridged(1).assign(item_id="t" + (number // 3).astype(str), step=number % 3)
    assert "raters who agreed so far part most at step" in sentences(tmp_path, "disagreement", frame)
