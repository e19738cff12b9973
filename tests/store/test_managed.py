"""The managed store: each row once, edits as history, whole commits whoever writes, one clear error where nothing can be written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest
from deltalake.exceptions import CommitFailedError
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import RatingsError
from workbench.store import managed
from workbench.store.keyed import content_of, digests
from workbench.store.managed import Appended, append_ratings, latest, set_aside

SAID = {"action": "test"}
WRITER = """
import sys, pyarrow as pa
from workbench.store.managed import append_ratings
name, n, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
for k in range(n):
    row = pa.table({"rating_id": [f"{name}-{k}", "shared"], "item_id": [f"{k}", "s"], "rater_id": [name, "s"], "score": [1.0, 1.0]})
    append_ratings(folder, row.slice(0, 2 if k % 10 == 0 else 1), action={"action": "test"})
"""


def rows(*given: tuple, **extras: list) -> pa.Table:
    """Ratings from (rating_id, item_id, rater_id, score)."""
    ids, items, raters, scores = zip(*given)
    return pa.table({"rating_id": list(ids), "item_id": list(items), "rater_id": list(raters), "score": list(map(float, scores)), **extras})


def stored(folder: Path) -> list[tuple]:
    """What the table holds, in order of arrival."""
    table = latest(folder / "ratings").to_pyarrow_dataset().to_table().to_pandas().sort_values("_row")
    return [tuple(None if v != v else v for v in row) for row in table[["_row", "rating_id", "replaces", "score"]].itertuples(index=False)]


def test_the_same_rows_again_change_nothing(away: Path) -> None:
    both = rows(("a", "i", "x", 1), ("b", "i", "y", 2))
    assert append_ratings(away, both, action=SAID) == Appended(2, 0, 0, 0)
    assert append_ratings(away, both, action=SAID) == Appended(0, 0, 2, 0)
    assert latest(away / "ratings").version() == 0


def test_an_edit_supersedes_and_an_edit_back_does_too(away: Path) -> None:
    for score in (1, 2, 1, 1):
        append_ratings(away, rows(("a", "i", "x", score)), action=SAID)
    assert stored(away) == [(1, "a", None, 1.0), (2, "a~2", "a", 2.0), (3, "a~3", "a~2", 1.0)]
    assert wb.read(away).to_pandas()[["rating_id", "score"]].values.tolist() == [["a~3", 1.0]]


def test_edits_within_one_append_supersede_one_another_in_order(away: Path) -> None:
    done = append_ratings(away, rows(("a", "i", "x", 1), ("a", "i", "x", 2), ("a", "i", "x", 2)), action=SAID)
    assert done == Appended(2, 1, 1, 0) and stored(away) == [(1, "a", None, 1.0), (2, "a~2", "a", 2.0)]


def test_the_batch_is_no_part_of_what_a_rating_says_and_a_new_column_changes_no_old_row(away: Path) -> None:
    append_ratings(away, rows(("a", "i", "x", 1), ("b", "i", "y", 1), batch=["monday"] * 2), action=SAID)
    done = append_ratings(away, rows(("a", "i", "x", 1), ("b", "i", "y", 1), batch=["friday"] * 2, age=[None, 30]), action=SAID)
    assert done == Appended(1, 1, 1, 1)


def test_a_callers_own_replaces_stands(away: Path) -> None:
    append_ratings(away, rows(("a", "i", "x", 1)), action=SAID)
    undo = pa.table({"rating_id": ["u"], "item_id": ["i"], "rater_id": ["x"], "replaces": ["a"]})
    append_ratings(away, undo, action=SAID, fresh=True)
    assert stored(away)[1][:3] == (2, "u", "a") and wb.read(away).count() == 0


@settings(max_examples=12, deadline=None)
@given(imports=st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(1, 3), min_size=1), min_size=1, max_size=5))
def test_what_counts_is_always_what_was_said_last(tmp_path_factory, imports) -> None:
    folder, told, n_stored = tmp_path_factory.mktemp("store"), {}, 0
    for one in imports:
        done = append_ratings(folder, rows(*[(key, f"i{key}", "x", score) for key, score in one.items()]), action=SAID)
        changed = {key for key, score in one.items() if told.get(key) != score}
        assert (done.stored, done.superseding) == (len(changed), len(changed & set(told)))
        told, n_stored = told | one, n_stored + len(changed)
    source = wb.read(folder)
    assert dict(source.to_pandas()[["item_id", "score"]].values.tolist()) == {f"i{key}": float(v) for key, v in told.items()}
    assert source.snapshot.n_rows == n_stored


def test_rows_keep_their_order_of_arrival_through_compaction(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(managed, "TINY", (4, 250_000))
    for k in range(10):     # no times: the last by arrival counts
        append_ratings(away, rows((f"k{k}", "i", "x", k)), action=SAID, fresh=True)
    assert [row[0] for row in stored(away)] == list(range(1, 11))
    log = wb.store.data_log(away)
    assert (log["action"] == "compact").sum() == 2 and len(latest(away / "ratings").file_uris()) <= 5
    assert wb.read(away).to_pandas()["score"].tolist() == [float(k) for k in range(10)]


def test_a_decision_makes_only_tiny_files_one_and_an_import_small_ones_too(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(managed, "TINY", (4, 50_000))
    append_ratings(away, rows(*[(f"{k * 2654435761 % 2**32:08x}", f"i{k}", "x", k) for k in range(2_000)]), action=SAID)
    large, = files(away)
    for k in range(6):
        append_ratings(away, rows((f"k{k}", "i", "x", k)), action=SAID, fresh=True)
    assert large.stat().st_size > 50_000 and large in files(away) and len(files(away)) == 4       # it, four made one, two after them
    monkeypatch.setattr(managed, "LARGER", (4, 16_000_000))
    append_ratings(away, rows(("last", "i", "x", 1)), action=SAID)
    assert large not in files(away) and len(files(away)) == 2 and len(stored(away)) == 2_007


def test_a_file_says_of_most_keys_that_it_does_not_hold_them(away: Path) -> None:
    import duckdb

    def unread(key: str) -> int:
        probe = "SELECT bool_and(bloom_filter_excludes) FROM parquet_bloom_probe(?, '_key', ?)"
        return sum(duckdb.execute(probe, [str(file), key]).fetchone()[0] for file in files(away))

    own, others = ([f"{name}-{k}" for k in range(300)] for name in ("own", "other"))
    for half in (own[:150], own[150:]):
        append_ratings(away, rows(*[(key, "i", "x", 1) for key in half]), action=SAID)
    found, missing = list(map(unread, own)), list(map(unread, others))      # 1 in 100 is not told apart
    assert max(found) == 1 and sum(found) > 285 and sum(missing) > 585
    wb.store.compact_data(away)
    assert len(files(away)) == 1 and not any(map(unread, own)) and sum(map(unread, others)) > 285
    assert append_ratings(away, rows(("own-7", "i", "x", 2), ("other-7", "i", "x", 1)), action=SAID) == Appended(2, 1, 0, 3)


def files(folder: Path) -> list[Path]:
    """The files of the latest version."""
    return managed.files_of(latest(folder / "ratings"))


def test_extras_keep_their_kind_and_a_conflict_is_one_error_before_anything_is_written(away: Path) -> None:
    append_ratings(away, rows(("a", "i", "x", 1), age=[30]), action=SAID)
    with pytest.raises(RatingsError, match="column 'age' holds text here, and numbers in what is stored. Convert it to numbers, or give") as told:
        append_ratings(away, rows(("b", "i", "x", 1), age=["old"], Score=[1], _row=[7]), action=SAID)
    assert "columns 'Score' and 'score' differ in capitals alone" in str(told.value) and "'_row' bears a name that is kept" in str(told.value)
    with pytest.raises(RatingsError, match="column 'tags' is list<.*nested values are not stored"):
        append_ratings(away, rows(("b", "i", "x", 1), tags=[["t"]]), action=SAID)
    with pytest.raises(RatingsError, match="column 'layer' is string, expected int64"):
        append_ratings(away, rows(("b", "i", "x", 1), layer=["first"]), action=SAID)
    assert len(stored(away)) == 1
    append_ratings(away, rows(("b", "i", "x", 1), age=[31.5], sure=[True]), action=SAID)
    assert wb.read(away).to_pandas()["age"].tolist() == [30.0, 31.5]


def test_a_rating_without_an_id_of_its_own_is_refused(away: Path) -> None:
    with pytest.raises(RatingsError, match="has no rating_id"):
        append_ratings(away, pa.table({"item_id": ["i"], "rater_id": ["x"]}), action=SAID)


def test_ratings_that_were_not_imported_are_not_shadowed(away: Path) -> None:
    (away / "ratings.csv").write_text("item_id,rater_id,score\na,x,1\n")
    with pytest.raises(RatingsError, match="it holds ratings.csv, ratings that were not imported"):
        append_ratings(away, rows(("a", "i", "x", 1)), action=SAID)
    deltalake.write_deltalake(str(away / "other" / "ratings"), pa.table({"item_id": ["a"]}))
    with pytest.raises(RatingsError, match="was not made by `workbench import`"):
        append_ratings(away / "other", rows(("a", "i", "x", 1)), action=SAID)


def test_a_folder_that_cannot_be_written_is_one_error(away: Path) -> None:
    (away / "file").write_text("")
    for place in ("file", "file/within"):
        with pytest.raises(RatingsError, match="a dataset folder was expected, and this is a file or in one. Name a folder"):
            append_ratings(away / place, rows(("a", "i", "x", 1)), action=SAID)
    with pytest.raises(RatingsError, match="it cannot be written .*Nothing of this part was stored"):
        append_ratings(Path("/proc/nothing"), rows(("a", "i", "x", 1)), action=SAID)
    with pytest.raises(RatingsError, match="'%41' in its path would be read as another character"):
        append_ratings(away / "plain%41", rows(("a", "i", "x", 1)), action=SAID)


def test_a_folder_with_any_other_name_is_written_looked_up_compacted_and_forgotten_in(away: Path) -> None:
    place = away / "my data's 100% \"q\" é#?&@7"
    append_ratings(place, rows(("a", "i", "x", 1)), action=SAID)
    assert append_ratings(place, rows(("a", "i", "x", 1), ("b", "i", "y", 2)), action=SAID).unchanged == 1
    assert wb.store.compact_data(place, vacuum=True).files_after == 1
    assert wb.store.forget_rater(place, "x").n_rows == 1 and wb.read(place).to_pandas()["rater_id"].tolist() == ["y"]
    assert sorted(p.name for p in away.iterdir() if p.name[0] != ".") == [place.name]


def test_a_full_disk_is_one_error_and_leaves_the_last_whole_version(away: Path) -> None:
    append_ratings(away, rows(("a", "i", "x", 1)), action=SAID)
    # a bound on the size of files, which the system enforces as a full disk would be
    code = ("import resource, signal, sys, pyarrow as pa; from workbench.store.managed import append_ratings\n"
            "import os\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
            "n = 20_000\n"
            "rows = pa.table({'rating_id': [os.urandom(8).hex() for k in range(n)], 'item_id': ['i'] * n, 'rater_id': ['x'] * n})\n"
            "try: append_ratings(sys.argv[1], rows, action={'action': 'x'})\n"
            "except Exception as fault: print(type(fault).__name__, fault)\n")
    done = subprocess.run([sys.executable, "-c", code, str(away)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("RatingsError") and "cannot be written" in done.stdout and "Nothing of this part was stored" in done.stdout
    assert stored(away) == [(1, "a", None, 1.0)]
    assert append_ratings(away, rows(("b", "i", "x", 1)), action=SAID).version == 1


def test_writers_at_the_same_time_lose_nothing_and_store_nothing_twice(away: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, f"w{k}", "60", str(away)]) for k in range(4)]
    assert [writer.wait() for writer in writers] == [0] * 4
    found = stored(away)
    assert len(found) == 4 * 60 + 1 and [row[0] for row in found] == list(range(1, len(found) + 1))
    assert {row[1] for row in found} == {f"w{w}-{k}" for w in range(4) for k in range(60)} | {"shared"}
    assert wb.store.data_log(away)["total"].max() == len(found)


def test_a_writer_without_the_lock_is_waited_out(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append_ratings(away, rows(("a", "i", "x", 1)), action=SAID)
    own, failures = managed.commit, [CommitFailedError("taken"), CommitFailedError("taken")]

    def commit(*arguments: object, **named: object) -> int:
        if failures:
            raise failures.pop()
        return own(*arguments, **named)

    monkeypatch.setattr(managed, "commit", commit)
    assert append_ratings(away, rows(("b", "i", "x", 1)), action=SAID) == Appended(1, 0, 0, 1)
    failures[:] = [CommitFailedError("taken")] * 9
    with pytest.raises(CommitFailedError):
        append_ratings(away, rows(("c", "i", "x", 1)), action=SAID)


def test_a_log_begun_and_not_written_is_begun_again(away: Path) -> None:
    (away / "ratings" / "_delta_log").mkdir(parents=True)
    with pytest.raises(RatingsError, match="holds no version yet"):
        wb.read(away)
    assert append_ratings(away, rows(("a", "i", "x", 1)), action=SAID).version == 0


def test_a_table_put_back_from_outside_is_read_as_it_now_is(away: Path) -> None:
    append_ratings(away, rows(("a", "i", "x", 1)), action=SAID)
    append_ratings(away, rows(("b", "i", "x", 1)), action=SAID)
    (away / "ratings" / "_delta_log" / f"{1:020d}.json").unlink()
    assert append_ratings(away, rows(("c", "i", "x", 1)), action=SAID).version == 1 and [row[1] for row in stored(away)] == ["a", "c"]
    shutil.rmtree(away / "ratings")
    assert append_ratings(away, rows(("d", "i", "x", 1)), action=SAID) == Appended(1, 0, 0, 0)


def test_a_file_that_no_commit_names_is_harmless(away: Path) -> None:
    append_ratings(away, rows(("a", "i", "x", 1)), action=SAID)
    (away / "ratings" / "part-00000-orphan.snappy.parquet").write_bytes(b"PAR1 cut off")
    assert append_ratings(away, rows(("b", "i", "x", 1)), action=SAID).stored == 1 and wb.read(away).count() == 2


def test_the_log_holds_no_id(away: Path) -> None:
    append_ratings(away, rows(("key-of-wanda", "i", "wanda", 1)), action=SAID)
    assert not any(b"wanda" in path.read_bytes() for path in (away / "ratings" / "_delta_log").iterdir())


def test_faults_are_set_aside_once(away: Path) -> None:
    fault = {"platform": ["p"], "file": ["a.csv"], "place": ["line 2"], "reason": ["score is 'x'"], "raw": ["a,x"],
             "set_aside_at": pa.array([0], pa.timestamp("us", tz="UTC"))}
    other = {**fault, "place": ["line 3"]}
    assert [set_aside(away, pa.table(t), action=SAID) for t in (fault, fault, other, other)] == [1, 0, 1, 0]
    assert wb.store.quarantined(away)["place"].tolist() == ["line 3", "line 2"]


def test_digests_do_not_depend_on_how_a_table_is_laid_out() -> None:
    table = rows(("a", "i", "x", 1), ("b", "j", "y", 2))
    wider = table.append_column("party", pa.nulls(2, pa.string())).append_column("batch", pa.array(["m", "n"]))
    assert digests(table) == digests(wider) == digests(table.select(table.column_names[::-1]))
    # the digest is kept in the store for years: it may never change
    assert content_of("item_id", "i", "rater_id", "x", "score", 1.0) == digests(table)[0] == "c3e8804fb008811dc12c88db14cc0c5c"
