"""What the cache does where it cannot be written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pandas as pd
import pytest

from workbench import cache
from workbench.cache import cache_folder, kept, parquet_frame
from workbench.errors import WorkbenchError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of its own, outside any workspace."""
    monkeypatch.setattr(cache, "workspace", lambda: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def failing(code: int, place: str = "") -> OSError:
    return OSError(code, os.strerror(code), place or None)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_full_or_read_only_disk_is_one_clear_error_and_leaves_nothing(code: int) -> None:
    def write(partial: Path) -> None:
        partial.write_text("half")
        raise failing(code)

    with pytest.raises(WorkbenchError, match=r"^workbench/: the cache could not be written \(.*\). Make room on its disk") as said:
        kept("reductions/a.parquet", write)
    assert os.strerror(code) in str(said.value) and list((cache_folder() / "reductions").iterdir()) == []


def test_another_fault_is_not_taken_for_it() -> None:
    for error in (failing(errno.EACCES, "/secret/ratings.csv"), failing(errno.EIO)):
        def write(partial: Path, error: OSError = error) -> None:
            raise error

        with pytest.raises(OSError) as raised:
            kept("staged/a.parquet", write)
        assert raised.value is error


def test_a_cache_that_may_not_be_written_is_said_to_be_so() -> None:
    def write(partial: Path) -> None:
        raise failing(errno.EACCES, str(partial))

    with pytest.raises(WorkbenchError, match=r"could not be written \(Permission denied\)"):
        kept("staged/a.parquet", write)
    assert kept("staged/b.txt", lambda partial: partial.write_text("whole")).read_text() == "whole"


def test_a_parquet_file_is_read_as_pandas_reads_it(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ["a", None], "n": [1, 2], "share": [0.5, float("nan")], "yes": [True, False],
                          "at": pd.to_datetime(["2026-01-05T10:00Z", None], utc=True), "kind": pd.Categorical(["x", "y"])}, index=[3, 5])
    table.to_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(parquet_frame(tmp_path / "t.parquet"), pd.read_parquet(tmp_path / "t.parquet"))
    with pytest.raises(FileNotFoundError):
        parquet_frame(tmp_path / "none.parquet")
