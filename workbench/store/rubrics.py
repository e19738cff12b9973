"""Rubric files: TOML, one a version, `rubrics/NAME-VERSION.toml` in a dataset.

    name = "assistant"            # and: parent, author_party, in_force (a date), changed
    version = "2"
    [criteria.helpfulness]
    scale = "ordinal"             # nominal, ordinal, interval, ratio
    definition = "How far the answer gets the reader."
    levels = [{name = "1", value = 1, wording = "No help."}, {name = "2", value = 2, wording = "..."}]
    # without levels, an interval or ratio criterion may give: minimum, maximum; and, where marked errors make its score,
    weights = {minor = 1, major = 5, "minor/Punctuation" = 0.1}      # what each costs, by severity or severity/category
"""

from __future__ import annotations

import datetime as dt
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.errors import RubricError, examples
from workbench.instrument import Criterion, Rubric, Scale
from workbench.schema import SCALES

TOP = {"cases", "name", "version", "parent", "author_party", "in_force", "changed", "criteria"}
LINE = {"scale", "definition", "levels", "minimum", "maximum", "weights"}
LEVEL = {"name", "value", "wording"}


def read_rubrics(folder: Path) -> dict[tuple[str, str], Rubric]:
    """Every rubric file of a folder by (name, version). Errors: `RubricError`."""
    found: dict[tuple[str, str], Rubric] = {}
    for path in sorted(folder.glob("*.toml")):
        rubric = read_rubric(path)
        key = (rubric.name, rubric.version)
        if key in found:
            raise RubricError(f"{path.name} and {found[key].source} are both rubric {key[0]!r} version {key[1]!r}. Keep one.")
        found[key] = rubric
    return found


def read_rubric(path: Path) -> Rubric:
    """One rubric file. Errors: `RubricError` naming file, key and cure."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise RubricError(f"{path.name}: not a TOML file: {fault}. See `workbench check DATA --write-rubrics` for the form.") from None
    known_keys(content, TOP, where=path.name)
    for key in ("name", "version", "criteria"):
        if not content.get(key):
            raise RubricError(f"{path.name}: no '{key}'. Every rubric file gives name, version and [criteria.NAME] tables.")
    if not isinstance(content["criteria"], Mapping):
        raise RubricError(f"{path.name}: criteria is {content['criteria']!r}, expected tables [criteria.NAME].")
    criteria = {name: read_criterion(line, where=f"{path.name} [criteria.{name}]") for name, line in content["criteria"].items()}
    if "in_force" in content and type(content["in_force"]) is not dt.date:
        raise RubricError(f"{path.name}: in_force is {content['in_force']}, expected a date such as 2026-05-18, without quotes "
                          "or a time.")
    plain = {key: str(content.get(key, "")) for key in ("parent", "author_party", "changed")}
    return Rubric(name=str(content["name"]), version=str(content["version"]), criteria=criteria,
                  in_force=content.get("in_force"), source=f"{path.parent.name}/{path.name}", **plain)


def read_criterion(line: Mapping[str, object], *, where: str) -> Criterion:
    """One `[criteria.NAME]` table."""
    known_keys(line, LINE, where=where)
    scale = line.get("scale")
    if scale not in SCALES:
        raise RubricError(f"{where}: scale is {scale!r}. Use one of: {', '.join(SCALES)}.")
    levels = line.get("levels", [])
    if not isinstance(levels, list):
        raise RubricError(f"{where}: levels is {levels!r}, expected a list such as [{{name = \"1\", value = 1}}, ...].")
    for level in levels:
        known_keys(level, LEVEL, where=f"{where} levels")
    names = [str(level.get("name", level.get("value", place))) for place, level in enumerate(levels)]
    values = [number(level.get("value", standard), where=f"{where}: value of level {name!r}")
              for name, level, standard in zip(names, levels, standard_values(names))]
    ends = {key: number(line[key], where=f"{where}: {key}") for key in ("minimum", "maximum") if key in line}
    if len(set(names)) < len(names) or len(set(values)) < len(values):
        raise RubricError(f"{where}: a level stands twice among {examples(names)}. Give each its own name and value.")
    if scale in ("nominal", "ordinal") and not levels:
        article = "an" if scale == "ordinal" else "a"
        raise RubricError(f"{where}: {article} {scale} scale needs its levels, and none are listed. List them in order.")
    made = Scale(name=str(scale), levels=tuple(names), values=tuple(values),
                 minimum=ends.get("minimum", min(values, default=None)), maximum=ends.get("maximum", max(values, default=None)))
    return Criterion(made, str(line.get("definition", "")), tuple(str(level.get("wording", "")) for level in levels),
                     read_weights(line.get("weights", {}), leveled=bool(levels), where=where))


def read_weights(table: object, *, leveled: bool, where: str) -> dict[str, float]:
    """What each marked error costs, 0 or more."""
    if not isinstance(table, Mapping) or table and leveled:
        what = "none beside levels: a score made of errors has no levels" if leveled else "a table such as {minor = 1, major = 5}"
        raise RubricError(f"{where}: weights is {dict(table) if leveled else table!r}, expected {what}.")
    weights = {name: number(value, where=f"{where}: weight of {name!r}") for name, value in table.items()}
    known = [name.casefold() for name in weights]
    for name, value in weights.items():
        why = "below 0; give what the error costs" if value < 0 else \
            "not named by a severity; write minor or \"minor/Punctuation\"" if not name.partition("/")[0].strip() else \
            "given twice, in other capitals; keep one" if known.count(name.casefold()) > 1 else ""
        if why:
            raise RubricError(f"{where}: weight of {name!r} is {why}.")
    return weights


def standard_values(names: Sequence[str]) -> list[float]:
    """What levels without a value stand for: the numbers that they are named by, else their places from 0."""
    try:
        return [float(name) for name in names]
    except ValueError:
        return [float(place) for place in range(len(names))]


def number(value: object, *, where: str) -> float:
    """A finite number of a rubric file."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise RubricError(f"{where} is {value!r}, expected a number.")
    return float(value)


def known_keys(table: object, allowed: set[str], *, where: str) -> None:
    """Raise for a key that means nothing, so that a misspelt one is not ignored."""
    if not isinstance(table, Mapping):
        raise RubricError(f"{where}: expected a table of keys, found {type(table).__name__}.")
    unknown = sorted(set(table) - allowed)
    if unknown:
        raise RubricError(f"{where}: unknown key {examples([repr(k) for k in unknown])}. Known: {', '.join(sorted(allowed))}.")


def rubric_text(rubric: Rubric) -> str:
    """A rubric as the text of its file."""
    lines = [f"name = {quoted(rubric.name)}", f"version = {quoted(rubric.version)}"]
    lines += [f"{key} = {quoted(getattr(rubric, key))}" for key in ("parent", "author_party", "changed") if getattr(rubric, key)]
    lines += [f"in_force = {rubric.in_force}"] if rubric.in_force else []
    for name, line in rubric.criteria.items():
        scale = line.scale
        lines += ["", f"[criteria.{quoted(name)}]", f'scale = "{scale.name}"', f"definition = {quoted(line.definition)}"]
        if scale.levels:
            wordings = line.wordings or ("",) * len(scale.levels)
            lines += ["levels = [", *(f"    {{name = {quoted(n)}, value = {plain(v)}, wording = {quoted(w)}}},"
                                      for n, v, w in zip(scale.levels, scale.values, wordings)), "]"]
        else:
            lines += [f"{key} = {plain(getattr(scale, key))}" for key in ("minimum", "maximum") if getattr(scale, key) is not None]
        if line.weights:
            lines.append(f"weights = {{{', '.join(f'{quoted(name)} = {plain(value)}' for name, value in line.weights.items())}}}")
    return "\n".join(lines) + "\n"


def plain(value: float) -> str:
    """A number as TOML, with all its digits."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def quoted(text: str) -> str:
    """Text as a TOML basic string."""
    import json

    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
