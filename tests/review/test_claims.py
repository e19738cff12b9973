"""Leases: one desk a unit, freed when left, run out, or when the process is gone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import RatingsError
from workbench.review import claims
from workbench.review.claims import Holder, claim, move_on
from workbench.review.decisions import Unit

UNIT, OTHER = Unit("a", 2, "help", "r", "1"), Unit("b")
RACE = """
import sys
from pathlib import Path
from workbench.review.claims import Holder, claim
from workbench.review.decisions import Unit
holder = Holder(sys.argv[2])
print(" ".join(str(k) for k in range(60) if not claim(Path(sys.argv[1]), unit=Unit(str(k)), holder=holder)), flush=True)
sys.stdin.read()
"""


def test_a_unit_is_on_one_screen_at_a_time(away: Path) -> None:
    mara, ben = Holder("mara"), Holder("ben")
    assert claim(away, unit=UNIT, holder=mara) == claim(away, unit=UNIT, holder=mara) == ""
    assert claim(away, unit=UNIT, holder=ben) == "mara" and claim(away, unit=OTHER, holder=ben) == ""
    move_on(away, unit=UNIT, holder=ben, decided=False)         # not his to end
    assert claim(away, unit=UNIT, holder=ben) == "mara"
    move_on(away, unit=UNIT, holder=mara, decided=False)
    assert claim(away, unit=UNIT, holder=ben) == ""


def test_a_decided_unit_stays_leased_for_those_who_do_not_know_of_it(away: Path) -> None:
    mara, ben = Holder("mara"), Holder("ben")
    claim(away, unit=UNIT, holder=mara)
    assert claim(away, unit=UNIT, holder=ben, knows=True) == "mara"     # she still looks at it
    move_on(away, unit=UNIT, holder=mara, decided=True)
    assert claim(away, unit=UNIT, holder=ben) == "mara" and claim(away, unit=UNIT, holder=ben, knows=True) == ""


def test_another_desk_of_the_same_reviewer_gives_way_where_they_open_one_anew(away: Path) -> None:
    first, second = Holder("mara", pid=1), Holder("mara")       # in a kernel that still runs, its tab closed
    claim(away, unit=UNIT, holder=first)
    assert claim(away, unit=UNIT, holder=second) == "mara" and claim(away, unit=UNIT, holder=second, steal=True) == ""
    assert claim(away, unit=UNIT, holder=first) == "mara"
    assert claim(away, unit=UNIT, holder=Holder("ben"), steal=True) == "mara"


def test_leases_run_out_and_die_with_their_process(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claim(away, unit=UNIT, holder=Holder("far", host="elsewhere", pid=1))
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    claim(away, unit=OTHER, holder=Holder("gone", pid=process.pid))
    ben = Holder("ben")
    assert claim(away, unit=OTHER, holder=ben) == "" and claim(away, unit=UNIT, holder=ben) == "far"
    later = claims.time.time() + claims.LEASE + 1
    monkeypatch.setattr(claims.time, "time", lambda: later)
    assert claim(away, unit=UNIT, holder=ben) == ""
    assert len(json.loads((away / "review" / "claims.json").read_text())) == 1      # what ran out is gone from the file


def test_three_processes_never_hold_the_same_unit(away: Path) -> None:
    racers = [subprocess.Popen([sys.executable, "-c", RACE, str(away), f"r{k}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
              for k in range(3)]
    won = [racer.stdout.readline().split() for racer in racers]
    for racer in racers:
        racer.communicate()
    assert sorted(sum(won, []), key=int) == [str(k) for k in range(60)]


def test_a_damaged_file_of_leases_is_begun_anew(away: Path) -> None:
    (away / "review").mkdir()
    for text in ("{", "[1]", '{"x": 3}', ""):
        (away / "review" / "claims.json").write_text(text)
        assert claim(away, unit=UNIT, holder=Holder("mara")) == ""


def test_a_folder_that_takes_no_lease_says_so(away: Path) -> None:
    (away / "review").write_text("a file where the folder should be")
    with pytest.raises(RatingsError, match="review: it cannot be written .* Make room, or make the folder writable"):
        claim(away, unit=UNIT, holder=Holder("mara"))
