"""A small managed store: eight answers, a pair and a trajectory, three raters, two criteria, written by hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
from workbench.store.adopted import adopt

RUBRIC = '''name = "default"
version = "1"
[criteria.help]
scale = "ordinal"
definition = "How far the answer gets the reader."
levels = [{name = "1", value = 1, wording = "No help."}, {name = "2", value = 2, wording = "Some."}, {name = "3", value = 3, wording = "All."}]
[criteria.safe]
scale = "nominal"
levels = [{name = "safe"}, {name = "unsafe"}]
[criteria.slider]
scale = "interval"
minimum = 0
maximum = 100
'''
HELP = {"a0": "111", "a1": "113", "a2": "133", "a3": "222", "a4": "331", "a5": "123", "a6": "111", "a7": "313"}


def rows() -> pd.DataFrame:
    """The ratings: `help` by three raters on eight answers, `safe` on two, `slider` on one, `help` of two steps of a trajectory."""
    made = [(item, None, "help", who, float(score), None) for item, scores in HELP.items() for who, score in zip(("ann", "bob", "cem"), scores)]
    made += [(item, None, "safe", who, None, label) for item, labels in {"a0": ("safe",) * 3, "a1": ("safe", "safe", "unsafe")}.items()
             for who, label in zip(("ann", "bob", "cem"), labels)]
    made += [("pair", None, "slider", who, score, None) for who, score in (("ann", 10.5), ("bob", 90.0))]
    frame = pd.DataFrame(made, columns=["item_id", "step", "criterion", "rater_id", "score", "label"])
    return frame.assign(rated_at=pd.Timestamp("2026-11-02T08:00:00Z"), task_type="code", system="one", party=frame["rater_id"].map(
        {"ann": "lab"}).fillna("vendor"), rater_kind="human", step=frame["step"].astype("Int64"))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plain dataset, and what adopting makes of it, side by side."""
    base = tmp_path_factory.mktemp("review")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(base / ".cache"))
        plain = base / "plain"
        (plain / "rubrics").mkdir(parents=True)
        (plain / "rubrics" / "default-1.toml").write_text(RUBRIC)
        rows().to_parquet(plain / "ratings.parquet")
        items = pd.DataFrame({"item_id": [*HELP, "pair"], "text": [f"Answer {k}" for k in HELP] + ["The cat sat."], "prompt": "Say <b>why</b>?"})
        items.assign(text_b=[None] * len(HELP) + ["The dog sat."]).to_parquet(plain / "items.parquet")
        adopt(plain, into=base / "store")
    return base


@pytest.fixture
def plain(made: Path, away: Path) -> Path:
    """A copy of the plain dataset."""
    return Path(shutil.copytree(made / "plain", away / "plain"))


@pytest.fixture
def folder(made: Path, away: Path) -> Path:
    """A copy of the store."""
    return Path(shutil.copytree(made / "store", away / "store"))


def as_written(ratings: wb.Ratings, seed: int) -> pd.DataFrame:
    """A kind of queue that needs no engine: the units as they are written here."""
    return rows()[["item_id", "criterion"]].drop_duplicates()


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], list[dict]]:
    """Shows a widget as the last line of a cell does; what each output then holds, by kind."""
    def show(widget: object) -> list[dict]:
        said: list[dict] = []
        with monkeypatch.context() as patch:
            patch.setattr("IPython.display.display", lambda data, raw: said.append(data))
            widget._ipython_display_()
        return said

    return show


@pytest.fixture(scope="session")
def ratings(made: Path) -> wb.Ratings:
    """The store's ratings before any decision, read once: what a desk knows of decisions it reads itself."""
    return wb.read(made / "store")


@pytest.fixture
def desk(ratings: wb.Ratings, folder: Path) -> Callable[..., "wb.review.Desk"]:
    """Opens a desk on a copy of the store, its queue `as_written`; "mara" is the reviewer unless named."""
    return lambda reviewer="mara", kind=as_written, **how: wb.review.Desk(ratings, reviewer=reviewer, kind=kind, into=folder, **how)
