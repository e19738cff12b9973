"""The weekly pack of five notebooks with its pages, against the same notebooks by `papermill` and `nbconvert` on the command line.

    python benchmarks/pack.py [--rounds 3]

In a new workspace on the sample: first with nothing kept, then in rounds, side by side, with what a run keeps in `.workbench/` there for both.
Wall and processor seconds, and the medians' ratios.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

HOME = Path(__file__).resolve().parents[1]
CALL = (sys.executable, "-c")
WORKBENCH = (*CALL, "import sys; from workbench.cli import main; main(sys.argv[1:])")
PAPERMILL = (*CALL, "from papermill.cli import papermill; papermill()")
NBCONVERT = (*CALL, "from nbconvert.nbconvertapp import main; main()", "--to", "html")
NOTEBOOKS = ("agreement", "disagreement", "rubric", "drift", "signal")
PERIOD = "2026-W46"


def timed(commands: list[tuple[str, ...]], folder: Path) -> tuple[float, float]:
    """Wall and processor seconds of commands one after another."""
    def processor() -> float:
        """Of all children waited for."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    began, used = time.monotonic(), processor()
    for command in commands:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, env=os.environ | {"PYTHONPATH": str(HOME)})
    return time.monotonic() - began, processor() - used


def main() -> None:
    """One line a run, then the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as place:
        work = Path(place) / "work"
        subprocess.run([*WORKBENCH, "init", str(work)], check=True, capture_output=True, env=os.environ | {"PYTHONPATH": str(HOME)})
        ours = [(*WORKBENCH, "run", "weekly", "--period", PERIOD, "--force")]
        theirs = [command for name in NOTEBOOKS for command in (
            (*PAPERMILL, f"{name}.ipynb", f"../out-{name}.ipynb", "-p", "period", PERIOD, "--log-level", "ERROR"),
            (*NBCONVERT, f"../out-{name}.ipynb"))]
        print(f"{'':24} {'wall s':>8} {'processor s':>12}")
        found: dict[str, list[tuple[float, float]]] = {"workbench run": [], "papermill, nbconvert": []}
        print(f"{'first, nothing kept':24} " + "{:8.1f} {:12.1f}".format(*timed(ours, work)), flush=True)
        for _ in range(rounds):
            for name, commands, folder in (("workbench run", ours, work), ("papermill, nbconvert", theirs, work / "notebooks")):
                found[name].append(timed(commands, folder))
                print(f"{name:24} " + "{:8.1f} {:12.1f}".format(*found[name][-1]), flush=True)
        wall, processor = (median(row[i] for row in found["papermill, nbconvert"]) / median(row[i] for row in found["workbench run"])
                           for i in (0, 1))
        print(f"times faster: {wall:.1f} by the wall, {processor:.1f} of the processor")


if __name__ == "__main__":
    main()
