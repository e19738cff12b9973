"""Options that several commands share, and how `name=value` is read."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Sequence
from typing import Annotated

import typer

from workbench.errors import ParameterError

Columns = Annotated[list[str] | None, typer.Option("--column", metavar="YOURS=OURS",
                                                   help="Your column is our column: ts=rated_at. Repeatable.")]
Exclude = Annotated[list[str] | None, typer.Option("--exclude", metavar="COLUMN=VALUE",
                                                   help="Leave out rows: is_qc=true. Repeatable.")]
Engine = Annotated[str | None, typer.Option("--engine", metavar="ENGINE", help="duckdb, or a Spark master: spark://host:7077.")]

AsOf = Annotated[str | None, typer.Option("--as-of", metavar="VERSION|TIME", help="The dataset as it stood: a version that "
                                                                                 "`workbench data log` lists, or 2026-11-01T08:00:00Z.")]


def split(pair: str, *, option: str, last: bool = False) -> tuple[str, str]:
    """Both sides of `name=value`. Errors: `ParameterError`."""
    name, sign, value = pair.rpartition("=") if last else pair.partition("=")
    if not sign or not name.strip() or not value.strip():
        raise ParameterError(f"{option} {pair!r}: expected NAME=VALUE, with something on both sides. "
                             f"Example: {EXAMPLES[option]}.")
    return name.strip(), value.strip()


EXAMPLES = {"--set": "--set 'criterion=\"helpfulness\"'", "--column": "--column ts=rated_at", "--exclude": "--exclude is_qc=true"}


def literal(text: str) -> object:
    """A value as TOML reads it (5, 0.5, true, "text", ["a", "b"]); anything else, a date too, is the text itself."""
    try:
        value = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    if set(value) != {"value"} or isinstance(value["value"], (dt.date, dt.time)):
        return text
    return value["value"]


def named_values(pairs: Sequence[str] | None) -> dict[str, object]:
    """`--set` options as parameters. Errors: `ParameterError`, also for a name given twice."""
    found: dict[str, object] = {}
    for pair in pairs or ():
        name, value = split(pair, option="--set")
        if name in found:
            raise ParameterError(f"--set {name} was given twice. Give it once; a list is written {name}=[\"a\", \"b\"].")
        found[name] = literal(value)
    return found


def mapping(pairs: Sequence[str] | None) -> dict[str, str]:
    """`--column` options as a column mapping. Errors: `ParameterError`, also for a column given twice."""
    found: dict[str, str] = {}
    for pair in pairs or ():
        theirs, ours = split(pair, option="--column", last=True)
        if theirs in found:
            raise ParameterError(f"--column {theirs} was given twice. A column has one name here.")
        found[theirs] = ours
    return found


def filters(pairs: Sequence[str] | None) -> dict[str, list[object]]:
    """`--exclude` options as row filters; a column given again adds values. Errors: `ParameterError`."""
    found: dict[str, list[object]] = {}
    for pair in pairs or ():
        column, text = split(pair, option="--exclude")
        value = literal(text)
        found.setdefault(column, []).extend(value if isinstance(value, list) else [value])
    return found
