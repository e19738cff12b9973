"""Typed parameters: what the cell declares, and what is refused before anything runs."""

from __future__ import annotations

import pytest
from stand_ins import PARAMETERS

from workbench.errors import ParameterError, ReportError
from workbench.report.parameters import check_parameters, read_parameters


def cell(source: str, tag: str = "parameters") -> dict:
    return {"cells": [{"source": source, "metadata": {"tags": [tag]}}]}


@pytest.fixture
def declared() -> dict:
    extra = '\nslices: list[str] = ["task_type"]\nlimit: float | None = None\nstrict: bool = False'
    return {"agreement": read_parameters(cell(PARAMETERS + extra), name="agreement")}


def test_a_parameters_cell_tells_type_default_and_comment(declared: dict) -> None:
    draws = declared["agreement"]["draws"]
    assert (draws.kind, draws.default, draws.comment) == ("int", 100, "bootstrap draws")


@pytest.mark.parametrize("values", [{"draws": 5}, {"threshold": 1}, {"threshold": 0.5}, {"criterion": ""}, {"strict": True},
                                    {"slices": ["a", "b"]}, {"slices": []}, {"limit": None}, {"limit": 2}])
def test_values_of_the_declared_type_are_taken_and_an_int_for_a_float(declared: dict, values: dict) -> None:
    check_parameters(values, declared=declared)


@pytest.mark.parametrize("values", [{"draws": "5"}, {"draws": 5.0}, {"draws": True}, {"threshold": "0.5"}, {"criterion": 3},
                                    {"strict": 1}, {"slices": "a"}, {"slices": [1]}, {"limit": "2"}, {"criterion": None}])
def test_a_value_of_another_type_is_refused_and_a_bool_is_no_int(declared: dict, values: dict) -> None:
    name = next(iter(values))
    with pytest.raises(ParameterError, match=f"parameter '{name}' of agreement wants .*, and was given"):
        check_parameters(values, declared=declared)


def test_an_unknown_parameter_is_refused_and_the_good_ones_are_listed(declared: dict) -> None:
    with pytest.raises(ParameterError, match=r"'drwas' is not known to agreement. Use one of: criterion: str = '', draws: int = 100"):
        check_parameters({"drwas": 5}, declared=declared)


def test_what_every_run_sets_is_no_parameter(declared: dict) -> None:
    with pytest.raises(ParameterError, match="Give it as seed="):
        check_parameters({"seed": 5}, declared=declared)


def test_all_faults_are_told_at_once(declared: dict) -> None:
    with pytest.raises(ParameterError, match="draws.*criterion"):
        check_parameters({"draws": "x", "criterion": 1}, declared=declared)


@pytest.mark.parametrize(("source", "said"), [
    ("draws = 5", "draws = 5"), ("draws: int = other", "parameters cell takes lines like"), ("draws: Path = 5", "type Path"),
    ("draws: int = (", "parameters cell takes lines like"), ("draws: int = 5", "lacks columns, data, engine, exclude, out, period, seed"),
])
def test_a_cell_that_is_no_list_of_typed_literals_is_refused(source: str, said: str) -> None:
    with pytest.raises(ReportError, match=said):
        read_parameters(cell(source), name="mine")


def test_a_notebook_without_a_parameters_cell_is_refused() -> None:
    with pytest.raises(ReportError, match='mine.ipynb: one cell tagged "parameters" was expected, and 0 were found'):
        read_parameters(cell(PARAMETERS, tag="other"), name="mine")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(value: float) -> None:
    own = read_parameters(cell(PARAMETERS + "\nfair: float = 0.4"), name="mine")
    with pytest.raises(ParameterError, match="'fair' of mine wants float"):
        check_parameters({"fair": value}, declared={"mine": own})
