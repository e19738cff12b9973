"""A workspace of one's own, from a checkout and from an installed wheel."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from workbench.errors import ParameterError, ReportError
from workbench.report import begin, load_pack

ROOT = Path(__file__).resolve().parents[2]


def test_a_workspace_has_notebooks_the_pack_and_the_sample(tmp_path: Path) -> None:
    made = begin(tmp_path / "deep/mine")
    assert {p.name for p in (made / "notebooks").iterdir()} == {p.name for p in (ROOT / "notebooks").glob("*.ipynb")}
    assert len(load_pack("weekly", workspace=made).notebooks) == 5
    for file in ("ratings.parquet", "TRUTH.md"):
        assert (made / "data/sample" / file).read_bytes() == (ROOT / "data/sample" / file).read_bytes(), "the sample is drawn with its own seed"
    assert [p.name for p in made.parent.iterdir()] == ["mine"]


def test_a_folder_that_is_not_empty_or_cannot_be_written_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert begin(tmp_path / "mine", sample=False).is_dir()
    with pytest.raises(ParameterError, match="a new or an empty folder was expected, and something is there"):
        begin(tmp_path / "mine")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ReportError, match="could not be written there"):
        begin(tmp_path / "file/mine")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "mine"]


def test_the_wheel_ships_every_notebook() -> None:
    shipped = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    wanted = [p.relative_to(ROOT).as_posix() for p in sorted((ROOT / "notebooks").glob("*.ipynb"))] + [
        "reports/SCHEDULE.md", "reports/weekly.toml"]
    assert shipped == {name: f"workbench/start/{name}" for name in wanted}


@pytest.mark.slow
def test_an_installed_wheel_alone_makes_a_workspace_and_a_report(tmp_path: Path) -> None:
    """The package comes from the wheel; the libraries are those of this environment."""
    run = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    built = [*run, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(tmp_path / "dist"), str(ROOT)]
    subprocess.run(built, check=True, capture_output=True, text=True)
    [wheel] = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        content.extractall(tmp_path / "site")
    code = ("import workbench, sys; from pathlib import Path; assert Path(workbench.__file__).is_relative_to(sys.argv[1])\n"
            "from workbench.cli import main; main(sys.argv[2:])")
    empty = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path / "site"), "PYTHONDONTWRITEBYTECODE": "1"}

    def workbench(*arguments: str, cwd: Path) -> str:
        return subprocess.run([sys.executable, "-c", code, str(tmp_path / "site"), *arguments], cwd=cwd, env=empty, check=True,
                              capture_output=True, text=True).stdout

    assert "a workspace" in workbench("init", "mine", cwd=tmp_path)
    page = Path(workbench("run", "rubric", cwd=tmp_path / "mine").strip())
    assert page.is_relative_to(tmp_path / "mine/reports") and "<title>" in page.read_text()
