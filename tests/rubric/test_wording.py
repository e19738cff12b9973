"""What rubric files say has changed."""

from __future__ import annotations

import datetime as dt

from workbench.instrument import Criterion, Rubric, Scale
from workbench.rubric.wording import changes, successions

FIVE = Scale("ordinal", ("1", "2", "3"), (1.0, 2.0, 3.0))


def rubric(version, criteria, **further):
    return Rubric("r", version, criteria, **further)


def test_each_kind_of_change_is_named_with_old_and_new():
    old = rubric("1", {"a": Criterion(FIVE, "old", ("x", "y", "z")), "gone": Criterion(FIVE, "was")})
    scale = Scale("ordinal", ("1", "2"), (1.0, 2.0))
    new = rubric("2", {"a": Criterion(FIVE, "new", ("x", "Y", "z")), "came": Criterion(scale, "is")}, changed="reworded")
    found = [(c["criterion"], c["what"], c["old"], c["new"], c["comparable"]) for c in changes(old, new)]
    assert found == [("", "stated", "", "reworded", ""), ("a", "definition", "old", "new", "yes"), ("a", "wording", "2: y", "2: Y", "yes"),
                     ("gone", "removed", "was", "", "no"), ("came", "added", "", "is", "no")]


def test_another_scale_needs_linking():
    old, new = (rubric(v, {"a": Criterion(s)}) for v, s in (("1", FIVE), ("2", Scale("interval", ("0", "1"), (0.0, 1.0)))))
    found = [(c["what"], c["old"], c["new"], c["comparable"]) for c in changes(old, new)]
    assert found == [("scale", "ordinal", "interval", "after linking"), ("levels", "1, 2, 3", "0, 1", "after linking")]


def test_the_same_rubric_twice_has_no_changes():
    same = rubric("1", {"a": Criterion(FIVE, "d", ("x", "y", "z"))})
    assert list(changes(same, rubric("2", same.criteria))) == []


def test_a_version_follows_its_parent_else_the_one_in_force_before():
    one, two = rubric("1", {}, in_force=dt.date(2026, 1, 1)), rubric("2", {}, in_force=dt.date(2026, 2, 1))
    three = rubric("3", {}, in_force=dt.date(2026, 3, 1), parent="1")
    found = successions({("r", r.version): r for r in (three, two, one)})
    assert [(old.version, new.version) for old, new in found] == [("1", "2"), ("1", "3")]
