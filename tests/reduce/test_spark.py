"""The same questions to DuckDB and to a real Spark: a standalone master with a worker on loopback, executors in processes of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

import workbench as wb
from workbench.reduce.membership import memberships

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # pyspark's own warnings
TOLERANCE = 1e-9   # the same sums in another order
PATIENCE = 60      # seconds for a JVM to be up on a busy machine
Both = tuple[wb.Ratings, wb.Ratings]

QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"   # JVMs that live for a minute do not earn back what a better compiler costs
DEFAULTS = f"""
spark.driver.extraJavaOptions {QUICK}
spark.executor.extraJavaOptions {QUICK}
spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.driver.memory 512m
spark.executor.memory 512m
spark.sql.shuffle.partitions 2
spark.ui.enabled false
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def until(reached: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for a process to come so far; one that ended, or takes too long, fails with the end of its log."""
    for _ in range(PATIENCE * 10):
        if reached():
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail(f"Spark did not start: {log.read_text()[-2_000:]}")


def answers(port: int) -> bool:
    with socket.socket() as found:
        return found.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a standalone Spark with one worker; ends what it started, and nothing else."""
    absent = pytest.fail if os.environ.get("WORKBENCH_CI") == "1" else pytest.skip
    if not shutil.which("java"):
        absent("Spark needs Java, and none is on this machine")
    try:
        import pyspark
    except ImportError:
        absent("pyspark is not installed")
    folder, port, started = tmp_path_factory.mktemp("cluster"), free_port(), []
    (folder / "spark-defaults.conf").write_text(DEFAULTS)
    home = Path(pyspark.__file__).parent
    environment = {"SPARK_HOME": str(home), "SPARK_CONF_DIR": str(folder), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m",
                   "SPARK_DAEMON_JAVA_OPTS": QUICK,
                   "PYSPARK_PYTHON": "/workers/need/no/python"}

    def start(role: str, *arguments: str) -> tuple[subprocess.Popen[bytes], Path]:
        log = folder / f"{role}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen([home / "bin" / "spark-class", f"org.apache.spark.deploy.{role.lower()}.{role}", *arguments],
                                       stdout=stream, stderr=subprocess.STDOUT, env=os.environ | environment, cwd=folder)
        started.append(process)
        return process, log

    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            url = f"spark://127.0.0.1:{port}"
            master, log = start("Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0")
            until(lambda: answers(port), master, log)
            worker, log = start("Worker", "--host", "127.0.0.1", "--webui-port", "0", "--cores", "2", "--memory", "1g",
                                "--work-dir", str(folder / "work"), url)
            until(lambda: "Successfully registered with master" in log.read_text(), worker, log)
            yield url
        finally:
            stop_session()
            for process in reversed(started):
                end(process)


def stop_session() -> None:
    """End the driver: its session and its Java process, which would otherwise live as long as the tests."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    from workbench.store.engine import spark

    spark.cache_clear()
    if (session := SparkSession.getActiveSession()) is not None:
        session.stop()
    if (gateway := SparkContext._gateway) is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(PATIENCE)
        SparkContext._gateway = SparkContext._jvm = None


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and the executors it started."""
    below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
    for child in psutil.wait_procs(below, timeout=10)[1]:
        child.kill()


def table(n: int = 700) -> pd.DataFrame:
    """Ratings of four criteria: eleven levels, forty names, real numbers, two levels; with repeats, gaps, an autorater, missing parties."""
    rng = np.random.default_rng(0)
    rater = rng.choice(list("uvwxyz"), n)
    frame = pd.DataFrame({
        "item_id": rng.integers(0, 40, n).astype(str), "rater_id": rater, "criterion": rng.choice(["c11", "names", "many", "safe"], n),
        "party": rng.choice(["p", "q", None], n), "prompt_id": None,
        "rater_kind": pd.Series(rater).map({"y": "expert", "z": "model"}).fillna("human"),
        "rated_at": pd.to_datetime("2026-11-02", utc=True) + pd.to_timedelta(rng.permutation(n), unit="h")})
    frame["prompt_id"] = "p" + (frame["item_id"].astype(int) // 4).astype(str)
    truth = frame["item_id"].astype(int) * 7 % 11
    level = np.where(rng.random(n) < 0.6, truth, rng.integers(0, 11, n))
    frame["score"] = np.select([frame["criterion"] == "c11", frame["criterion"] == "many"], [level, level + rng.normal(size=n)], np.nan)
    frame["label"] = np.select([frame["criterion"] == "names", frame["criterion"] == "safe"],
                               [np.char.add("l", (level * 3 + rng.integers(0, 8, n)).astype(str)), np.where(level > 4, "safe", "unsafe")], "")
    frame["label"] = frame["label"].where(frame["label"] != "", None)
    frame.loc[rng.random(n) < 0.05, ["score", "label"]] = None
    return frame


@pytest.fixture(scope="session")
def both(cluster: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """One set of files read on either engine, with an empty cache: nothing was computed before."""
    folder, frame = tmp_path_factory.mktemp("ratings"), table()
    frame.drop(columns="party")[:300].to_parquet(folder / "a.parquet")
    frame[300:].to_parquet(folder / "b.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("XDG_CACHE_HOME", str(folder / ".cache"))
        paths = [folder / "a.parquet", folder / "b.parquet"]
        yield wb.read(paths), wb.read(paths, engine=cluster)


@pytest.fixture(scope="session")
def plain(both: Both, cluster: str) -> Both:
    """One criterion alone, whose questions Spark plans faster; with gold, raters who come late, items the model alone rated."""
    frame = table(3_000).query("criterion == 'c11'")
    truth = frame.drop_duplicates("item_id").assign(rater_id="key", rater_kind="gold", score=lambda t: t["item_id"].astype(float) * 7 % 11)
    early, models = frame["rated_at"] < frame["rated_at"].min() + pd.Timedelta(days=40), frame["rater_kind"] == "model"
    frame = frame[~(early & frame["rater_id"].isin(["w", "x"])) & (models | ~frame["item_id"].isin(["3", "4"]))]
    pd.concat([frame, truth]).to_parquet("plain.parquet")
    return wb.read("plain.parquet"), wb.read("plain.parquet", engine=cluster)


def equal(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """The same rows whatever their order; numbers to `TOLERANCE`, everything else exactly."""
    assert list(one.columns) == list(other.columns) and len(one) == len(other) > 0
    keys = [c for c in one if not pd.api.types.is_float_dtype(one[c])]
    one, other = (t.assign(**{c: t[c].astype(str) for c in keys}).sort_values([*keys, *one.columns.difference(keys)]) for t in (one, other))
    pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True), rtol=TOLERANCE, atol=TOLERANCE, check_dtype=False)


def test_the_work_is_done_by_an_executor_of_the_cluster(both: Both, cluster: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    from pyspark.sql import SparkSession

    assert both[1].count() == both[0].count() == 700
    context = SparkSession.getActiveSession().sparkContext
    assert context.master == cluster
    assert context._jsc.sc().getExecutorMemoryStatus().size() == 2   # the driver, and one that is not
    work = tmp_path_factory.getbasetemp() / "cluster0" / "work"
    assert [p.name for p in work.glob("app-*/*")] == ["0"]           # the worker's own folder of that executor


def test_patterns_are_equal_packed_in_words_and_listed(both: Both) -> None:
    for where, by in ((["c11", "safe"], ["criterion", "party"]), (["names"], [])):
        one, other = (wb.reduce.patterns(r.where(criterion=where), by=by) for r in both)
        assert [dict(p.key) for p in one] == [dict(p.key) for p in other] and len(one) == max(1, 3 * len(by))
        for p, q in zip(one, other):
            rows = [sorted(map(tuple, np.column_stack([g.counts, g.weight]).tolist())) for g in (p, q)]
            assert rows[0] == rows[1]
            assert (p.n_raters, p.n_ratings, p.n_dropped, p.levels, p.note) == (q.n_raters, q.n_ratings, q.n_dropped, q.levels, q.note)


def test_moments_are_equal(both: Both) -> None:
    one, other = (wb.reduce.moments(r, by=["criterion"]) for r in both)
    assert [dict(p.key) for p in one] == [dict(p.key) for p in other]
    for p, q in zip(one, other):
        for field in ("n", "total", "squares"):   # by item: sums that differ in the last digit are merged on one engine alone
            items = [np.sort(np.repeat(getattr(g, field), g.weight.astype(int))) for g in (p, q)]
            np.testing.assert_allclose(*items, rtol=TOLERANCE, atol=TOLERANCE)
        assert (p.n_items, p.n_raters, p.n_ratings, p.n_dropped, p.scale) == (q.n_items, q.n_raters, q.n_ratings, q.n_dropped, q.scale)


@pytest.mark.parametrize("ask", [
    lambda r: wb.reduce.windows(r, by=["criterion"]), lambda r: wb.reduce.profiles(r, by=["criterion"]),
    lambda r: wb.reduce.count_by(r, by=["criterion", "month"]), lambda r: wb.reduce.pair_tables(r, by=["criterion"]),
    lambda r: wb.reduce.cells(r, by=["criterion"], extra=["party"]).drop(columns="unit"),
    lambda r: memberships(r, by=["party"])[0].drop(columns="unit"), lambda r: memberships(r, by=["party"])[1],
], ids=["windows", "profiles", "count_by", "pair_tables", "cells", "memberships", "members"])
def test_tables_of_counts_are_equal(both: Both, ask: Callable[[wb.Ratings], pd.DataFrame]) -> None:
    equal(*map(ask, both))


A = wb.agreement
LEVELLED = {"criterion": ["c11", "names", "safe"]}
ESTIMATES: dict[str, Callable[[wb.Ratings], pd.DataFrame]] = {
    "percent_agreement": lambda r: A.percent_agreement(r.where(**LEVELLED), by=["criterion"]),
    "fleiss_kappa": lambda r: A.fleiss_kappa(r.where(**LEVELLED), by=["criterion"], weights="linear"),
    "brennan_prediger": lambda r: A.brennan_prediger(r.where(**LEVELLED), by=["criterion"]),
    "gwet_ac": lambda r: A.gwet_ac(r.where(**LEVELLED), by=["criterion"]),
    "krippendorff_alpha": lambda r: A.krippendorff_alpha(r, by=["criterion"]),
    "bootstrap": lambda r: A.krippendorff_alpha(r.where(**LEVELLED), by=["criterion"], interval="bootstrap", draws=50),
    "summary": lambda r: A.summary(r, by=["criterion"]),
    "specific": lambda r: A.specific(r.where(**LEVELLED), by=["criterion"]),
    "conger_kappa": lambda r: A.conger_kappa(r.where(**LEVELLED), by=["criterion"]),
    "pairs": lambda r: A.pairs(r.where(**LEVELLED), by=["criterion"]),
    "raters": lambda r: A.raters(r, by=["criterion"]),
    "icc": lambda r: A.icc(r, by=["criterion"]),
    "decision_study": lambda r: A.decision_study(r, by=["criterion"]),
    "consensus": lambda r: A.consensus(r.where(**LEVELLED), by=["criterion"]),
    "connectivity": lambda r: A.connectivity(r, by=["criterion"]),
    "overlap": lambda r: A.overlap(r, by=["criterion"]),
    "assignments": lambda r: A.assignments(r, by=["criterion"], links=60),
}
OF_ONE_CRITERION: dict[str, Callable[[wb.Ratings], pd.DataFrame]] = {
    "clustered": lambda r: A.krippendorff_alpha(r, cluster="prompt_id"),
    "cohen_kappa": lambda r: A.cohen_kappa(r.where(rater_id=["u", "v"]), weights="linear"),
    "scott_pi": lambda r: A.scott_pi(r.where(rater_id=["u", "v"])),
    "difference": lambda r: A.difference(r, between="party", levels=["p", "q"], draws=50),
    "intra_rater": lambda r: A.intra_rater(r),
    "rasch": lambda r: A.rasch(r),
    "autorater": lambda r: A.autorater(r),
    "corrected_mean": lambda r: A.corrected_mean(r),
    "alt_test": lambda r: A.alt_test(r),
    "calibration": lambda r: A.calibration(r),
    "confusion": lambda r: A.confusion(r, gold=True),
    "scorecard": lambda r: A.scorecard(r, party="p"),
    "settling": lambda r: A.settling(r),
}


@pytest.mark.parametrize("name", ESTIMATES)
def test_estimates_are_equal(both: Both, name: str) -> None:
    equal(*map(ESTIMATES[name], both))


@pytest.mark.parametrize("name", OF_ONE_CRITERION)
def test_estimates_of_one_criterion_are_equal(plain: Both, name: str) -> None:
    one, other = map(OF_ONE_CRITERION[name], plain)
    assert one["low"].notna().any()   # two tables of nothing would be equal too
    equal(one, other)


def test_verdicts_on_pairs_shown_in_either_order_are_equal(both: Both, cluster: str) -> None:
    rng, n = np.random.default_rng(1), 120
    pairs = pd.DataFrame({"item_id": rng.integers(0, 15, n).astype(str), "rater_id": rng.choice(["u", "v"], n), "system": "one",
                          "system_b": "two", "shown_first": rng.choice(["one", "two"], n), "label": rng.choice(["A", "B", "tie"], n),
                          "rated_at": pd.to_datetime("2026-11-02", utc=True) + pd.to_timedelta(rng.permutation(n), unit="h")})
    pairs.to_parquet("pairs.parquet")
    equal(*(A.position_bias(wb.read("pairs.parquet", engine=engine)) for engine in (None, cluster)))


def test_a_delta_table_and_a_text_file_are_read_by_the_cluster(both: Both, cluster: str) -> None:
    from deltalake import write_deltalake

    write_deltalake("delta", table()[:400].drop(columns="party"))
    write_deltalake("delta", table()[400:], mode="append", schema_mode="merge")
    table().to_csv("ratings.csv", index=False)
    for path in ("delta", "ratings.csv"):
        equal(*(wb.read(path, engine=engine).to_pandas(limit=None) for engine in (None, cluster)))


def test_tables_of_a_callers_own_connections_give_the_same_estimates(plain: Both) -> None:
    import ibis
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession().newSession()
    session.read.parquet(str(Path("plain.parquet").resolve())).createOrReplaceTempView("theirs")
    for theirs in (ibis.duckdb.connect().read_parquet("plain.parquet"), ibis.pyspark.connect(session).table("theirs")):
        ratings = wb.read(theirs)
        assert ratings.snapshot.id == ""   # nothing is known of what it holds
        equal(A.krippendorff_alpha(ratings), A.krippendorff_alpha(plain[0]))


def test_two_processes_share_a_cluster_whose_cores_one_session_takes_whole(plain: Both, cluster: str) -> None:
    assert plain[1].count() > 0   # this process's session has all cores of the worker, and gives them back when idle
    code = "import sys, workbench as wb; print(wb.read('plain.parquet', engine=sys.argv[1]).count())"
    other = subprocess.run([sys.executable, "-c", code, cluster], capture_output=True, text=True, timeout=3 * PATIENCE)
    assert other.stdout.strip() == str(plain[0].count()), other.stderr[-2_000:]
