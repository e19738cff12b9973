"""What must not be told stands in no file of a report: ids, other parties, small cells, and what names this machine or opens a door."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pandas as pd
import pyarrow.parquet as pq
import pytest
from stand_ins import PARAMETERS

import workbench as wb
from workbench.errors import ParameterError
from workbench.report import run
from workbench.report.artefact import Run

NORTH = ["anna.meier@north.example", "Jane Doe", "nr-07", "nr-08"]
SOUTH = ["so-01", "Ove Dahl", "so-03"]
SPAMMER = "spam-99"
SECRETS = {"WB_KEY": "the-key-itself", "DB_TOKEN": "t0ken-value-9"}
USER, HOST, PASSWORD = "jdoe42", "mill-17.internal", "hunter22"
FEW = 5

ANALYSE = [
    "import workbench as wb\nratings = wb.read(data, columns=columns, exclude=exclude).until(period)\nratings",
    "raters = wb.agreement.raters(ratings)\nwb.show(raters)",
    "drawn = raters[raters['name'] == 'influence']\nwb.chart.rater_forest(drawn, measure='Influence', title='Who pulls alpha down?')",
    "ratings.to_pandas(limit=None)",
    "ratings.raters",
    "per_type = wb.agreement.percent_agreement(ratings, by=['task_type'])\nwb.show(per_type)",
    "wb.chart.agreement_forest(per_type, by=['task_type'])",
    "rare = per_type[per_type['task_type'] == 'rare']\nprint('rare', rare['value'].tolist())",
]
LEAK = [   # a notebook that goes round the workbench, and tells all it knows
    "import pandas as pd, os, getpass\npd.read_csv(data + '/ratings.csv')",
    "print(os.getcwd(), os.path.expanduser('~'), getpass.getuser(), os.environ['HOST_TOLD'], __file__ if '__file__' in dir() else '')",
    "print(os.environ['WB_KEY'], os.environ['DB_TOKEN'], 'postgresql://u:hunter22@db/x', 'password=hunter22', '/srv/customers/acme.csv')",
    "import warnings; warnings.warn('see ' + os.path.abspath(data))",
]
SAVE = """from workbench.estimates import finding, findings_table
rows = [finding('NAME', f'alpha is low on {row.task_type}', f'On {row.task_type} raters agree on {row.value:.3f}.', severity='attention',
                where={'task_type': row.task_type}, evidence=row._asdict()) for row in per_type.itertuples()]
rows += [finding('NAME', 'a rater', f'{row.rater_id} pulls alpha down.', severity='attention', where={'rater_id': row.rater_id},
                 evidence=row._asdict()) for row in drawn.itertuples()]
wb.report.save(findings=findings_table(rows), estimates=[per_type, raters], out=out)"""


def ratings_table() -> pd.DataFrame:
    """Every rater on 24 items, of which one alone is of the rare type; a spammer; and gold, which is nobody's."""
    cells = itertools.product([f"i{n:02d}" for n in range(24)], [*NORTH, *SOUTH])
    rows = [{"item_id": item, "rater_id": rater, "score": (int(item[1:]) * 7 + len(rater)) % 4 + 1, "party": "north" if rater in NORTH else "southland",
             "task_type": "rare" if item == "i00" else "usual", "session": f"{rater}/am", "mail": f"{rater.replace(' ', '.')}@mail.example",
             "rater_kind": "human"} for item, rater in cells]
    rows += [{"item_id": "i00", "rater_id": SPAMMER, "score": 1, "party": "southland", "task_type": "rare", "session": "s9", "mail": "spam@x.example",
              "rater_kind": "human"}]
    rows += [{"item_id": "i01", "rater_id": "gold", "score": 2, "party": None, "task_type": "usual", "session": None, "mail": None,
              "rater_kind": "gold"}]
    table = pd.DataFrame(rows)
    return table[(table["task_type"] != "rare") | table["rater_id"].isin([*NORTH[:3], SPAMMER])]      # 3 ratings of the rare item


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace on the ratings, whose machine, user and secrets have telling names."""
    root = tmp_path_factory.mktemp("customers") / "acme"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (SECRETS | {"LOGNAME": USER, "USER": USER, "HOST_TOLD": HOST, "XDG_CACHE_HOME": str(root / "cache")}).items():
            patch.setenv(name, value)
        patch.setattr("socket.gethostname", lambda: HOST)
        for folder in ("notebooks", "reports", "data/small/rubrics"):
            (root / folder).mkdir(parents=True)
        ratings_table().to_csv(root / "data/small/ratings.csv", index=False)
        (root / "data/small/dataset.toml").write_text(f'[exclude]\nrater_id = "{SPAMMER}"\n')
        pd.DataFrame({"rater_id": [*NORTH, *SOUTH], "name": [f"Name of {r}" for r in [*NORTH, *SOUTH]], "since": "2025"}
                     ).to_parquet(root / "data/small/raters.parquet")
        (root / "data/small/rubrics/default-1.toml").write_text(
            'name = "default"\nversion = "1"\nauthor_party = "southland"\nin_force = 2026-01-01\n[criteria.overall]\nscale = "ordinal"\n'
            'levels = [{name = "1", value = 1}, {name = "2", value = 2}, {name = "3", value = 3}, {name = "4", value = 4}]\n')
        for name, cells in (("plain", ANALYSE), ("leaky", ANALYSE + LEAK)):
            code = [nbformat.v4.new_code_cell(text.replace("NAME", name)) for text in (*cells, SAVE)]
            told = nbformat.v4.new_code_cell(PARAMETERS + '\nlooked_at: str = "Jane Doe"  # a rater', metadata={"tags": ["parameters"]})
            book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Do they agree?"), told, *code])
            nbformat.write(book, root / "notebooks" / f"{name}.ipynb")
        yield root


def made(root: Path, pack: str, terms: str, **options: object) -> Run:
    """The report of a pack with these terms."""
    (root / "reports" / f"{pack}.toml").write_text(f'title = "Small"\ndata = "data/small"\n{terms}\n[[notebook]]\nname = "{pack.split("_")[0]}"\n')
    [report] = run(pack, workspace=root, **options)
    return report


@pytest.fixture(scope="module")
def hidden(place: Path) -> Run:
    return made(place, "leaky", f'pseudonyms = "WB_KEY"\nmin_cell = {FEW}', exclude={"session": ["so-03/am"]})


@pytest.fixture(scope="module")
def north(place: Path) -> Run:
    return made(place, "plain_north", 'party = "north"', exclude={"party": ["southland"]})


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Each file of a report and all that can be read from it, of Parquet its metadata too."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            yield path.name, f"{table.schema} {table.schema.metadata} {pq.ParquetFile(path).metadata} {table.to_pylist()}"
        else:
            yield path.name, path.read_text(encoding="utf-8")


def found(folder: Path, words: list[str]) -> list[tuple[str, str]]:
    """Which of the words stand in which file."""
    return [(name, word) for name, text in texts(folder) for word in words if word in text]


def test_no_file_holds_an_id_a_session_or_what_else_names_a_rater(hidden: Run) -> None:
    files = [name for name, _ in texts(hidden.path)]
    assert {"index.html", "leaky.html", "leaky.ipynb", "findings.parquet", "findings.json", "estimates.parquet", "manifest.json",
            "passports.json"} <= set(files)
    people = [*NORTH, *SOUTH, SPAMMER]
    assert found(hidden.path, [*people, *(f"{rater}/am" for rater in people), *(f"{rater.replace(' ', '.')}@mail" for rater in people)]) == []


def test_the_same_person_bears_the_same_pseudonym_in_tables_charts_and_findings(hidden: Run) -> None:
    told = {json.loads(text)["rater_id"] for text in hidden.findings["slice"] if "rater_id" in text}
    assert len(told) == 6 and all(re.fullmatch("[0-9a-f]{16}", rater) for rater in told)      # 7, of whom the run left out so-03
    page = (hidden.path / "leaky.html").read_text(encoding="utf-8")
    assert all(page.count(rater) > 2 for rater in told)
    assert set(hidden.estimates["rater_id"].dropna()) >= told


def test_who_is_left_out_is_counted_and_not_named(hidden: Run) -> None:
    assert sum(hidden.manifest["filters"].values()) == 1 + 23     # the spammer's one, by dataset.toml, and so-03's
    assert all(re.search(r"= [0-9a-f]{16}", what) for what in hidden.manifest["filters"])


def test_a_cell_of_few_ratings_is_blank_in_estimates_tables_charts_and_findings(hidden: Run) -> None:
    [cell] = hidden.estimates.query("task_type == 'rare'").to_dict("records")
    assert pd.isna([cell["value"], cell["low"], cell["n_items"], cell["n_ratings"]]).all()
    assert f"fewer than {FEW} ratings: suppressed" in cell["note"]
    assert hidden.estimates.query("task_type == 'usual'")["value"].notna().all()
    said = [*hidden.findings["sentence"]]
    assert not [sentence for sentence in said if "rare" in sentence] and [sentence for sentence in said if "usual" in sentence]
    assert f"1 finding on fewer than {FEW} ratings, items or raters not told here, so that nobody can be made out." in said
    book = json.loads((hidden.path / "notebooks/leaky.ipynb").read_text(encoding="utf-8"))
    shown = [output for cell in book["cells"] for output in cell.get("outputs", ())]
    assert "rare [nan]" in "".join(output.get("text", "") for output in shown if output["output_type"] == "stream")
    charts = [json.dumps(data) for output in shown for kind, data in output.get("data", {}).items() if "vegalite" in kind]
    assert len(charts) == 2 and not [chart for chart in charts if "rare" in chart]
    assert f"<td>&lt;{FEW}</td>" in (hidden.path / "leaky.html").read_text(encoding="utf-8")
    assert hidden.manifest["private"] == {"pseudonyms": True, "min_cell": FEW, "party": "", "findings_left_out": 1, "estimates_suppressed": 1}


def test_no_file_names_this_machine_its_user_a_path_or_a_secret(hidden: Run, place: Path) -> None:
    places = [str(place), str(place.parent), str(Path.home()) + "/", "/tmp/", "/srv/customers", str(Path(wb.__path__[0]).parent) + "/"]
    assert found(hidden.path, [*places, *SECRETS.values(), USER, HOST, PASSWORD]) == []
    assert [word for _, word in found(hidden.path, ["$WB_KEY", "postgresql://…@db/x"])]      # they were printed, and are put short


def test_a_report_for_one_party_names_no_other(north: Run) -> None:
    assert found(north.path, ["southland", *SOUTH, SPAMMER]) == []
    assert set(north.estimates["rater_id"].dropna()) == set(NORTH)
    assert north.manifest["snapshot"]["n_rows"] == 23 * 4 + 3 + 1          # its own, the rare item's three, and gold, which is nobody's
    assert north.manifest["given"]["exclude"] == {} and north.manifest["private"]["party"] == "north"


def test_terms_make_another_version_and_the_same_terms_the_same(place: Path, north: Run) -> None:
    assert made(place, "plain_north", 'party = "north"', exclude={"party": ["southland"]}).reused
    assert wb.report.rerun("plain_north", workspace=place).empty


@pytest.mark.parametrize(("terms", "said"), [('pseudonyms = "p@ss phrase"', "name of an environment variable was expected"),
                                             ("min_cell = -1", "min_cell=-1 is less than 0"), ('min_cell = "5"', "of the wrong kind"),
                                             ('pseudonyms = "NO_SUCH"', "no such environment variable"),
                                             ('party = "west"', "party='west' has no rating in small. Its parties are: north, southland")])
def test_terms_that_cannot_be_kept_are_refused_before_anything_runs(place: Path, terms: str, said: str) -> None:
    with pytest.raises(ParameterError, match=said) as raised:
        made(place, "plain_bad", terms)
    assert "p@ss" not in str(raised.value)
