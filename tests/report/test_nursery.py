"""Kernels forked from one process: alike to others in what they compute and in how they end, apart from one another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pandas as pd
import psutil
import pytest

import workbench
from workbench.report.kernels import Executed, Limits, execute, nursing
from workbench.report.nursery import Nursery
from workbench.store.recalled import is_kept

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kernels are forked on Linux alone")
WHO = "import os; print(os.getppid())"


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with nursing(2) as one:
        yield one


def ran(code: str, folder: Path, nursery: Nursery | None, environment: dict[str, str] | None = None) -> Executed:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(execute, notebook, parameters={}, folder=folder, limits=Limits(120, 4), on_cell=lambda cell: None,
                           environment=environment, nursery=nursery).result()


def printed(done: Executed) -> str:
    assert done.error == ""
    return "".join(output["text"] for output in done.notebook["cells"][0]["outputs"])


def test_a_notebook_of_several_is_run_by_a_copy_of_the_one_process(tmp_path: Path, nursery: Nursery) -> None:
    parents = {printed(ran(WHO, tmp_path, nursery)) for _ in range(2)}
    assert len(parents) == 1 and int(parents.pop()) not in (os.getpid(), 1)
    with nursing(1) as none:
        assert none is None


def test_a_forked_kernel_sees_what_another_would(tmp_path: Path, nursery: Nursery) -> None:
    code = ("import os, sys, numpy, workbench as wb\n"
            "print(os.getcwd(), sys.path, os.environ['OMP_NUM_THREADS'], os.environ['ASKED'], hash('a'), sys.flags.hash_randomization)\n"
            "print(sorted(k for k in os.environ if k not in ('IPYTHONDIR', 'JPY_PARENT_PID')), get_ipython().history_manager.enabled)\n"
            "print(numpy.random.default_rng(0).normal(size=3), numpy.linalg.svd(numpy.arange(6.0).reshape(2, 3))[1], __name__)")
    plain, forked = (printed(ran(code, tmp_path, one, {"ASKED": "yes"})) for one in (None, nursery))
    assert forked == plain and "ASKED" in plain


def test_forked_kernels_share_no_state(tmp_path: Path, nursery: Nursery) -> None:
    ran("import workbench, os, random; workbench.left = 1; os.environ['LEFT'] = 'x'; os.chdir('/')", tmp_path, nursery)
    code = "import workbench, os, random; print(hasattr(workbench, 'left'), 'LEFT' in os.environ, os.getcwd())"
    assert printed(ran(code, tmp_path, nursery)) == f"False False {tmp_path}\n"
    drawn = {printed(ran("import random, numpy; print(random.random(), numpy.random.default_rng().random())", tmp_path, nursery))
             for _ in range(2)}
    assert len(drawn) == 2


def test_forked_kernels_have_read_what_the_run_has_checked_and_need_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    rows = [(f"i{i}", who, (i + len(who)) % 3) for i in range(30) for who in ("ann", "bo", "carla")]
    pd.DataFrame(rows, columns=["item_id", "who", "score"]).to_parquet(tmp_path / "r.parquet")
    asked = {"columns": {"who": "rater_id"}, "exclude": {"rater_id": "bo"}}
    ratings = workbench.read(tmp_path / "r.parquet", **asked)
    ratings.check()
    assert is_kept(ratings.source)
    code = ("import os, sys, workbench as wb\nratings = wb.read('r.parquet', columns={'who': 'rater_id'}, exclude={'rater_id': 'bo'})\n"
            "print('held' in ratings.source.memory, ratings.count(), ratings.source.id, 'ibis' in sys.modules, os.getppid())\n"
            "print(wb.agreement.summary(ratings).value.tolist(), ratings.excluded())")
    with nursing(2) as one:
        one.ask(read=str(tmp_path / "r.parquet"), kept=True, terms={}, **asked)
        forked, plain = (printed(ran(code, tmp_path, it)) for it in (one, None))
        assert forked.startswith(f"True 60 {ratings.source.id} False {one._process.pid}\n")
        assert forked.splitlines()[1] == plain.splitlines()[1] and plain.startswith("False 60")


def test_what_needs_the_engine_has_its_library_imported_for_all(tmp_path: Path) -> None:
    with nursing(2) as one:
        one.ask(read="nowhere", kept=False, terms={})
        assert printed(ran("import os, sys; print('ibis.backends.duckdb' in sys.modules, os.getppid())", tmp_path, one)) == \
            f"True {one._process.pid}\n"


@pytest.mark.parametrize(("code", "said"), [
    ("import os; os._exit(1)", "its Python process ended by itself"),
    ("import os; os.kill(os.getpid(), 9)", "its Python process was killed, as it is when the machine has no memory left"),
    ("import ctypes; ctypes.string_at(0)", "its Python process ended by itself, by SIGSEGV: something in it crashed"),
    ("1 / 0", "ZeroDivisionError: division by zero")])
def test_what_ends_a_forked_kernel_is_told(tmp_path: Path, nursery: Nursery, code: str, said: str) -> None:
    assert ran(code, tmp_path, nursery).error == said
    assert printed(ran("print(1)", tmp_path, nursery)) == "1\n"


def test_a_process_that_is_gone_or_has_a_second_thread_leaves_kernels_to_start_by_themselves(tmp_path: Path) -> None:
    with nursing(2) as one:
        one._process.kill()
        one._process.wait()
        assert int(printed(ran(WHO, tmp_path, one))) == os.getpid()
    code = "import sys, threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n" \
           "from workbench.report.nursery import fork\nprint(fork(0, argv=[], cwd='', env={}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout == "0\n"


def test_when_the_run_is_killed_its_kernels_end_too(tmp_path: Path) -> None:
    code = ("import sys, nbformat, time\nfrom pathlib import Path\nfrom workbench.report.kernels import Limits, execute, nursing\n"
            "cell = nbformat.v4.new_code_cell(\"import os, time; open('born', 'w').write(f'{os.getpid()} {os.getppid()}'); time.sleep(600)\")\n"
            "with nursing(2) as one:\n"
            "    execute(nbformat.v4.new_notebook(cells=[cell]), parameters={}, folder=Path(sys.argv[1]), limits=Limits(600, 4),\n"
            "            on_cell=lambda cell: None, nursery=one)\n")
    run, born = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]), tmp_path / "born"
    deadline = time.monotonic() + 60
    while not (born.exists() and len(born.read_text().split()) == 2) and time.monotonic() < deadline:
        time.sleep(0.1)
    pids = [int(pid) for pid in born.read_text().split()]
    run.send_signal(signal.SIGKILL)
    run.wait()
    gone, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=30)
    assert not alive
