"""No path of this machine stays in what a run leaves."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from workbench.errors import ReportError
from workbench.report.scrub import MAX_TEXT, clean_notebook, hiding, path_scrubber, scrub_tree, without_small


def test_paths_are_put_short_the_longest_first() -> None:
    scrub = path_scrubber({"/srv/ws": ".", "/srv/ws/data/mine.csv": "mine.csv"})
    assert scrub("read /srv/ws/data/mine.csv for /srv/ws/notebooks") == "read mine.csv for ./notebooks"
    assert scrub("/srv/wsx is another") == "…/wsx is another"


def test_pythons_own_paths_and_the_home_folder_go_too() -> None:
    scrub = path_scrubber({})
    for path in (sys.prefix, str(Path(sys.modules["ast"].__file__)), str(Path.home() / "secret.csv")):
        assert not Path(scrub(path)).is_absolute()


def test_runner_metadata_and_floods_are_dropped() -> None:
    cell = {"cell_type": "code", "id": "a", "metadata": {"tags": [], "papermill": {"start_time": "now"}, "execution": {}}, "source": "",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "x" * (MAX_TEXT + 5)}]}
    cleaned = clean_notebook({"cells": [cell], "metadata": {"papermill": {"input_path": "/x"}}}, path_scrubber({}))
    assert cleaned["metadata"] == {} and len(cleaned["cells"]) == 1
    assert cleaned["cells"][0]["metadata"] == {"tags": []}
    assert cleaned["cells"][0]["outputs"][0]["text"].endswith("… 5 more characters were cut.")


@pytest.mark.parametrize(("text", "left"), [
    ("File \"/home/jane/x.py\", line 3", "File \"…/x.py\", line 3"), ("in /home/jane.", "in ~"), ("C:\\Users\\jane\\x.csv", "…/x.csv"),
    ("'/var/lib/x/'", "'…/x'"), ("see https://doi.org/10.1/usr/x and and/or, 1/2/3, a/tmp/b", None), ("<td>1</td></tr></table>", None)])
def test_any_other_absolute_path_keeps_its_last_name_and_what_is_no_path_is_left(text: str, left: str | None) -> None:
    assert path_scrubber({})(text) == (text if left is None else left)


@pytest.mark.parametrize(("text", "left"), [
    ("spark://jane:pw@host:7077", "spark://…@host:7077"), ("postgresql://u:p%40ss@db/x", "postgresql://…@db/x"), ("password=hunter22 now", "password=… now"),
    ("{'api_key': 'abcd1234'}", "{'api_key': …'}"), ("https://x.example/y?sig=abcd1234&v=1", "https://x.example/y?sig=…&v=1"),
    ("password = os.environ['X']", None), ("spark://host:7077, jane@mail.example, tokens = 5, a secret: nobody knows", None)])
def test_passwords_are_put_short_in_texts_and_in_our_own_errors(text: str, left: str | None) -> None:
    assert path_scrubber({})(text) == (text if left is None else left)
    assert str(ReportError(f"cannot read {text}")) == f"cannot read {text if left is None else left}"


def test_who_runs_it_where_and_what_secret_variables_hold_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LOGNAME": "jdoe42", "ANY_TOKEN": "t0k/en-9", "SHORT_KEY": "abc", "PLAIN": "nothing secret"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("socket.gethostname", lambda: "mill-17.internal")
    scrub = path_scrubber({})
    assert scrub("jdoe42 on mill-17.internal: t0k/en-9") == "(user) on (host): $ANY_TOKEN"
    assert scrub("jdoe421, abc, nothing secret") == "jdoe421, abc, nothing secret"
    monkeypatch.setenv("LOGNAME", "root")          # nobody's name, and a word of statistics
    assert path_scrubber({})("root mean square") == "root mean square"


def test_names_are_hidden_as_whole_words_however_they_are_written() -> None:
    hide = hiding({"lab-07": "H1", "Jane Doe": "H2", "anna": "H3", "<b>": "H4"})
    assert hide("lab-07. (lab-07), lab-071, rater=lab-07, p/lab-07/x") == "H1. (H1), lab-071, rater=H1, p/H1/x"
    assert hide("Jane Doe's anna, hanna, an anna-like <b>") == "H2's H3, hanna, an anna-like H4"
    assert hiding({})("as it is") == "as it is"


def test_pictures_are_left_as_they_are_and_keys_are_cleaned_too() -> None:
    scrub = hiding({"lab-07": "H"})
    assert scrub_tree({"image/png": "x+lab-07", "lab-07": ["lab-07", 3]}, scrub) == {"image/png": "x+lab-07", "H": ["H", 3]}


def test_charts_lose_the_rows_that_rest_on_few_and_outputs_their_metadata() -> None:
    spec = {"datasets": {"d": [{"group": "rare", "n_ratings": 3}, {"group": "usual", "n_ratings": 30}, {"rater_id": "r", "n_raters": 1}]}}
    assert without_small(spec, 5) == {"datasets": {"d": spec["datasets"]["d"][1:]}}
    output = {"output_type": "display_data", "metadata": {"path": "x"}, "data": {"application/vnd.vegalite.v5+json": spec, "text/plain": "c"}}
    cell = {"cell_type": "code", "metadata": {}, "source": "", "outputs": [output]}
    [kept] = clean_notebook({"cells": [cell], "metadata": {}}, path_scrubber({}), 5)["cells"][0]["outputs"]
    assert kept["metadata"] == {} and "rare" not in str(kept["data"])
