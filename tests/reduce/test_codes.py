"""Codes against plain loops."""

from __future__ import annotations


import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.reduce import codes

NAMES = st.lists(st.sampled_from(["b", "a", "item 10", "é", None]), min_size=1, max_size=30)
NUMBERS = st.lists(st.sampled_from([-3.0, 0.5, 1.0, 2.0, 1e9, float("nan")]), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(NAMES, NUMBERS, st.lists(st.integers(-(2**62), 2**62) | st.integers(0, 5), min_size=1, max_size=30), st.booleans())
def test_codes_give_each_value_back_in_order(names: list[object], numbers: list[float], whole: list[int], runs: bool) -> None:
    for values in (pd.Series(names, dtype="str"), pd.Series(numbers, dtype=float), pd.Series(whole)):
        values = values.sort_values(ignore_index=True) if runs else values
        found = codes.coded(values)
        if values.isna().all():
            assert found is None
            continue
        assert found.levels.tolist() == sorted(values.dropna().unique()) and found.gaps == values.isna().any()
        back = [found.levels[code] if code >= 0 else None for code in found.codes]
        assert back == [None if value != value else value for value in values]


def test_blanks_infinite_values_other_kinds_and_numbers_that_hardly_repeat_have_no_codes() -> None:
    drawn = np.random.default_rng(0).normal(size=codes.HEAD + 1)
    for values in (["a", " "], [""], [1.0, np.inf], [True, False], pd.Categorical(["a"]), pd.array([1], dtype="Int64"), drawn):
        assert codes.coded(pd.Series(values)) is None


def test_texts_of_very_many_kinds_are_coded_without_an_order() -> None:
    names = pd.Series([f"i{k}" for k in range(codes.FEW, -1, -1)])
    found = codes.coded(pd.concat([names, names], ignore_index=True))
    assert found.levels.to_pylist() == names.tolist() and found.codes.tolist() == [*range(len(names)), *range(len(names))]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["b", "a", "item 10", "é"]), min_size=1, max_size=6), st.booleans())
def test_texts_in_runs_are_coded_as_without_runs_in_order_or_not_and_where_one_returns(heads: list[str], in_order: bool) -> None:
    heads = sorted(heads) if in_order else heads
    found = codes.coded(pd.Series(np.repeat(heads, 3), dtype="str"))
    assert found.levels.tolist() == sorted(set(heads)) and found.levels[found.codes].tolist() == np.repeat(heads, 3).tolist()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.just(0), st.integers(0, 4)), min_size=1, max_size=40), st.booleans())
def test_joined_codes_number_the_combinations_that_occur_in_order(rows: list[tuple[int, ...]], large: bool) -> None:
    columns = dict(zip("abcd", np.array(rows).T))
    room, codes.ROOM = codes.ROOM, 1 if large else codes.ROOM
    try:
        found, parts, size = codes.join({name: (column, 5 if name != "c" else 1) for name, column in columns.items()}, len(rows))
        seen = codes.n_met(columns["a"], columns["d"], 5, 5)
    finally:
        codes.ROOM = room
    shown = list(zip(*(parts[name] for name in "abcd")))
    assert [shown[code] for code in found] == rows and shown == sorted(shown) and size == len(shown)
    assert seen == len({(row[0], row[3]) for row in rows})
