"""`workbench export consensus`: the rows, their passport and counts, and what is refused in words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import workbench as wb
from workbench.cli.exporting import passport_of
from workbench.store import append_ratings

EXACT = 1e-12   # the same numbers, read from text
Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def votes(away: Path) -> Path:
    """Four items: sure, split, rated once, and with an adjudicator against the majority."""
    rows = [(item, f"r{j}", letter, "human", 0, "planned") for item, word in {"a": "yyy", "b": "yyn", "c": "n", "d": "yyn"}.items()
            for j, letter in enumerate(word)] + [("d", "judge", "n", "adjudicator", 1, "review")]
    columns = ["item_id", "rater_id", "label", "rater_kind", "layer", "selection"]
    pd.DataFrame(rows, columns=columns).assign(criterion="tone").to_parquet("votes.parquet")
    return away / "votes.parquet"


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def passport(path: Path) -> dict:
    return json.loads(path.with_name(f"{path.name}.passport.json").read_text(encoding="utf-8"))


def test_units_above_the_gate_are_written_and_the_others_counted(cli: Cli, votes: Path, away: Path) -> None:
    code, out, _ = cli("export", "consensus", votes, "--out", "kept.jsonl", "--method", "majority", "--gate", 0.8)
    rows, stated = lines(away / "kept.jsonl"), passport(away / "kept.jsonl")
    assert code == 0 and out.startswith("kept.jsonl: 2 of 4 units, 1 decided by an adjudicator. Passport ")
    assert "Left out: 1 probability below the gate, 1 too few ratings." in out
    assert [(row["item_id"], row["label"], row["decided_by"]) for row in rows] == [("a", "y", "panel"), ("d", "n", "adjudicator")]
    assert rows[1]["probability"] == pytest.approx(1 / 3, abs=EXACT) and rows[1]["mean"] is None and "no mean" in rows[1]["note"]
    assert [(pair["level"], pair["probability"]) for pair in rows[1]["soft_label"]] == [
        ("n", pytest.approx(1 / 3, abs=EXACT)), ("y", pytest.approx(2 / 3, abs=EXACT))]
    assert {row["passport"] for row in rows} == {stated["passport"]} and {row["snapshot"] for row in rows} == {wb.read(votes).snapshot.id}
    n = stated["counts"]
    assert (n["units"], n["written"], n["adjudicated"]) == (4, 2, 1) and n["written"] + sum(n["left_out"].values()) == n["units"]
    assert n["criteria"] == [{"criterion": "tone", "rubric": "default", "rubric_version": "1", "written": 2, "left_out": 2}]
    assert stated["gate"] == {"min_ratings": 2, "gate": 0.8, "max_width": None} and stated["method"] == "majority"
    assert stated["file"]["sha256"] == hashlib.sha256((away / "kept.jsonl").read_bytes()).hexdigest()


def test_parquet_and_json_lines_say_the_same_and_again_the_same_bytes(cli: Cli, dataset: Path, away: Path) -> None:
    for name in ("kept.parquet", "again.parquet", "kept.jsonl"):
        assert cli("export", "consensus", dataset, "--out", name, "--method", "majority", "--min-ratings", 1)[0] == 0
    assert (away / "kept.parquet").read_bytes() == (away / "again.parquet").read_bytes()
    assert pq.read_table(away / "kept.parquet").to_pylist() == lines(away / "kept.jsonl")
    kept = pq.read_table(away / "kept.parquet").to_pandas()
    # a: 1 and 2, b: 3 and 3, c: 2 alone
    assert kept["mean"].tolist() == [1.5, 3, 2] and kept["n_ratings"].tolist() == [2, 2, 1]
    assert np.isnan(kept["mean_low"][1]) and kept["note"].tolist()[1:] == ["interval has no width", "one rating: no interval"]
    assert passport(away / "kept.jsonl")["snapshot"]["left_out_by_filters"] == {"qc = True": 1}


def test_the_passport_is_new_with_what_decides_the_rows_and_only_then(votes: Path) -> None:
    ratings, gate = wb.read(votes), {"min_ratings": 2, "gate": 0.0, "max_width": None}
    asked = [(ratings, "majority", gate), (ratings, "weighted", gate), (ratings.where(criterion=["tone"]), "majority", gate),
             (wb.read(votes, exclude={"rater_id": "r0"}), "majority", gate),
             *((ratings, "majority", gate | other) for other in ({"gate": 0.5}, {"min_ratings": 3}, {"max_width": 1.0}))]
    found = [passport_of(one, None, method, given)["passport"] for one, method, given in asked]
    assert len(set(found)) == len(found) and passport_of(wb.read(votes), None, "majority", gate)["passport"] == found[0]


def test_a_review_changes_the_export_and_as_of_gives_the_former_back(cli: Cli, away: Path) -> None:
    def append(*rows: dict) -> None:
        append_ratings("live", pa.Table.from_pylist([{"rating_id": row["rater_id"], "item_id": "i", **row} for row in rows]),
                       action={"action": "import"})

    export = ("export", "consensus", "live", "--method", "majority")
    append(*({"rater_id": rater, "label": label} for rater, label in zip("xyz", "yyn")))
    assert cli(*export, "--out", "before.jsonl")[0] == 0
    append({"rater_id": "judge", "label": "n", "rater_kind": "adjudicator", "selection": "review", "layer": 1})
    assert cli(*export, "--out", "after.jsonl")[0] == 0
    assert cli(*export, "--out", "former.jsonl", "--as-of", 0)[0] == 0
    assert (away / "former.jsonl").read_bytes() == (away / "before.jsonl").read_bytes()
    assert [(lines(away / f"{when}.jsonl")[0]["label"], passport(away / f"{when}.jsonl")["snapshot"]["as_of"])
            for when in ("before", "after")] == [("y", "0"), ("n", "1")]


def test_undefined_units_are_counted_with_the_reason(cli: Cli, away: Path) -> None:
    pd.DataFrame({"item_id": list("aabb"), "rater_id": list("xyxy"), "label": list("yyyy")}).to_csv("ratings.csv", index=False)
    code, out, _ = cli("export", "consensus", "ratings.csv", "--out", "kept.parquet")
    assert code == 0 and "kept.parquet: 0 of 2 units" in out and "undefined, 2: " in out and "only one level occurs" in out
    assert pq.read_table(away / "kept.parquet").num_rows == 0 and passport(away / "kept.parquet")["counts"]["left_out"] == {"undefined": 2}


def test_ties_are_counted(cli: Cli, away: Path) -> None:
    pd.DataFrame({"item_id": list("aabb"), "rater_id": list("xyxy"), "label": list("ynyy")}).to_csv("ratings.csv", index=False)
    _, out, _ = cli("export", "consensus", "ratings.csv", "--out", "kept.jsonl", "--method", "majority")
    assert "Ties, whose label is the level that is commoner in all: 1; their note says so." in out


@pytest.mark.parametrize(("options", "code", "words"), [
    (("--out", "kept.csv"), 2, "a file of kind .parquet or .jsonl was expected, found .csv"),
    (("--out", "nowhere/kept.jsonl"), 1, "there is no folder nowhere to write into"),
    (("--out", "votes.parquet/kept.jsonl"), 1, "there is no folder votes.parquet"),
    (("--out", "kept.jsonl", "--method", "median"), 2, "--method='median' is not known. Use one of: 'majority', 'weighted', 'dawid-skene'"),
    (("--out", "kept.jsonl", "--criterion", "tune"), 2, "criterion=tune does not occur in votes.parquet. Its criteria are: tone"),
    (("--out", "kept.jsonl", "--method", "numeric", "--gate", 0.5), 2, "is a least probability, and method='numeric' has none"),
    (("--out", "kept.jsonl", "--exclude", "criterion=tone"), 1, "the row filters leave no rows"),
    (("--out", "kept.jsonl", "--as-of", 1), 2, "is not a Delta table, and has no versions")])
def test_what_cannot_be_exported_is_said_and_nothing_is_written(cli: Cli, votes: Path, away: Path, options: tuple, code: int,
                                                                words: str) -> None:
    found, _, message = cli("export", "consensus", votes, *options)
    assert found == code and words in message, message
    assert not list(away.glob("kept*"))


def test_without_a_rating_that_counts_the_rules_are_named(cli: Cli, away: Path) -> None:
    frame = pd.DataFrame({"item_id": list("ab"), "rater_id": list("xy"), "label": list("yn"), "rater_kind": "model"})
    frame.to_csv("ratings.csv", index=False)
    code, _, message = cli("export", "consensus", "ratings.csv", "--out", "kept.jsonl")
    assert code == 1 and "of 2 rows none is a rating with a value by a human or expert" in message and "Check rater_kind" in message


def test_a_place_that_cannot_be_written_is_said(cli: Cli, votes: Path, away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("workbench.store.exported.write_lines", refused)
    code, _, message = cli("export", "consensus", votes, "--out", "kept.jsonl", "--method", "majority")
    assert code == 1 and "kept.jsonl: it cannot be written (Permission denied). Nothing was. Make room" in message
    assert not list(away.glob("*kept*"))


def test_a_real_export_has_the_shares_of_a_plain_count(cli: Cli, shared: Path, away: Path) -> None:
    source = shared / "data" / "snow_rte.parquet"
    assert cli("export", "consensus", source, "--out", "kept.parquet", "--method", "majority")[0] == 0
    kept = pq.read_table(away / "kept.parquet").to_pandas().set_index("item_id")
    ratings = wb.read(source).where(rater_kind="human").to_pandas(limit=None)
    value = "label" if "label" in ratings and ratings["label"].notna().any() else "score"
    given = ratings[value] if value == "label" else ratings[value].map("{:g}".format)
    plain = pd.crosstab(ratings["item_id"].astype(str), given, normalize="index")
    assert len(kept) == len(plain) > 100
    for item, soft in kept["soft_label"].items():
        assert {p["level"]: p["probability"] for p in soft} == pytest.approx(plain.loc[str(item)].to_dict(), abs=EXACT)
