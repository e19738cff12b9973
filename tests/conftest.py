"""What several folders of tests share: the folder of real data beside the project, and a place away from the workspace."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

CHROMIUM_FLAGS = ("--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
                  "--disable-component-update --disable-sync").split()
SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` beside the project; a test that needs it is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("no folder ../shared with real data beside the project")
    return SHARED


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, current while the test runs, with a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def csv(away: Path) -> Callable[..., Path]:
    """Writes text or bytes to a file of the current folder, `ratings.csv` unless named."""
    def write(text: str | bytes, name: str = "ratings.csv") -> Path:
        path = away / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture
def dataset(away: Path) -> Path:
    """A small dataset folder: three raters on three items, one unit rated once, with a rubric file and a row filter."""
    folder = away / "small"
    (folder / "rubrics").mkdir(parents=True)
    pd.DataFrame({"item": ["a", "a", "b", "b", "c", "a"], "rater_id": ["x", "y", "x", "z", "z", "bot"], "score": [1, 2, 3, 3, 2, 9],
                  "qc": [False] * 5 + [True], "rated_at": pd.to_datetime(["2026-11-02", "2026-11-03"] * 3, utc=True)}
                 ).to_parquet(folder / "ratings.parquet")
    (folder / "dataset.toml").write_text('name = "small"\n[columns]\nitem = "item_id"\n[exclude]\nqc = true\n')
    (folder / "rubrics" / "default-1.toml").write_text(
        'name = "default"\nversion = "1"\nin_force = 2026-01-01\n[criteria.overall]\nscale = "ordinal"\n'
        'levels = [{name = "1", value = 1}, {name = "2", value = 2}, {name = "3", value = 3}]\n')
    return folder


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    """A headless system Chromium; a test that needs it is skipped where there is none, and fails where CI asks for all."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        (pytest.fail if os.environ.get("WORKBENCH_CI") == "1" else pytest.skip)("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()
