"""Pack files: what they hold, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.errors import ParameterError, ReportError
from workbench.report import load_pack

GOOD = 'title = "Mine"\ntimeout = 60\n[[notebook]]\nname = "agreement"\nparameters = { draws = 7 }\n'


def test_a_pack_file_is_read_in_its_order(workspace: Path, write: Callable) -> None:
    write("agreement"), write("drift")
    (workspace / "reports/mine.toml").write_text(GOOD + '[[notebook]]\nname = "drift"\n')
    pack = load_pack("mine")
    assert (pack.title, pack.timeout, pack.data) == ("Mine", 60, "data/sample")
    assert [(n.name, dict(n.parameters)) for n in pack.notebooks] == [("agreement", {"draws": 7}), ("drift", {})]


def test_a_bare_notebook_is_a_pack_of_one_found_from_a_folder_below(workspace: Path, write: Callable,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    write("agreement")
    monkeypatch.chdir(workspace / "data")
    assert [n.name for n in load_pack("agreement").notebooks] == ["agreement"]


@pytest.mark.parametrize(("text", "said"), [
    (GOOD.replace("timeout", "timout"), "mine.toml: 'timout' is not known. Use one of: title, data, timeout, memory, notebook"),
    (GOOD.replace("60", '"60"'), "timeout = '60' is of the wrong kind"),
    (GOOD.replace("agreement", "agrement"), "notebook 'agrement' is not in notebooks/. Use one of: agreement"),
    (GOOD.replace("7", '"7"'), "parameter 'draws' of agreement wants int"),
    (GOOD + '[[notebook]]\nname = "agreement"\n', "each named once"),
    (GOOD.replace("parameters", "params"), "holds name and parameters"),
    ("title = 'Mine'", "one \\[\\[notebook\\]\\] or more was expected"),
])
def test_a_faulty_pack_is_refused_by_its_fault(workspace: Path, write: Callable, text: str, said: str) -> None:
    write("agreement")
    (workspace / "reports/mine.toml").write_text(text)
    with pytest.raises(ParameterError, match=said):
        load_pack("mine")


def test_the_notebook_that_people_work_in_is_no_report(workspace: Path, write: Callable) -> None:
    write("review")
    with pytest.raises(ParameterError, match="review is worked in, and makes no report. Open it: workbench lab review"):
        load_pack("review")


def test_what_is_no_toml_and_what_is_no_notebook_are_named(workspace: Path) -> None:
    (workspace / "reports/mine.toml").write_text("title = ")
    (workspace / "notebooks/bad.ipynb").write_text("{")
    with pytest.raises(ReportError, match="mine.toml: TOML was expected"):
        load_pack("mine")
    with pytest.raises(ReportError, match="bad.ipynb: a Jupyter notebook was expected"):
        load_pack("bad")


def test_an_unknown_name_lists_packs_and_notebooks(workspace: Path, write: Callable) -> None:
    write("agreement")
    (workspace / "reports/mine.toml").write_text(GOOD)
    for name in ("weakly", "../agreement"):
        with pytest.raises(ParameterError, match="neither a pack nor a notebook here. Packs: mine. Notebooks: agreement"):
            load_pack(name)


def test_outside_a_workspace_one_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="a workspace was expected"):
        load_pack("weekly", workspace=tmp_path)
