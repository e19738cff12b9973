"""A unit as HTML: the item in full, the rubric's words, and the ratings on it. All text of others is escaped; nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from workbench.review.cases import Case
from workbench.review.decisions import OF_ITEM, REASONS, Decision, known
from workbench.review.foreign import beside, safe

CELL = 200          # characters of a cell that are shown
STEP_TEXT = 2_000   # of a step that is not the contested one
N_STEPS = 100       # steps shown on each side of the contested one
TEXTS = ("prompt", "text", "text_b")

STYLE = """<style>
.wbr { color: var(--jp-ui-font-color1, inherit); font: var(--jp-ui-font-size1, 13px)/1.5 var(--jp-ui-font-family, system-ui, sans-serif); }
.wbr h3 { margin: 0 0 .3em; font-size: 1.25em; overflow-wrap: anywhere; }
.wbr h4 { margin: 1em 0 .3em; font-size: 1em; color: var(--jp-ui-font-color2, inherit); }
.wbr .wbr-text { white-space: pre-wrap; overflow-wrap: anywhere; overflow: auto; max-height: 32em; padding: .6em .8em; tab-size: 4;
  border: 1px solid var(--jp-border-color2, #8884); border-radius: 3px; background: var(--jp-layout-color0, transparent); }
.wbr .wbr-pair { display: grid; grid-template-columns: 1fr 1fr; gap: .8em; }
.wbr .wbr-pair > div { min-width: 0; }
.wbr .wbr-note { color: var(--jp-ui-font-color2, #777); font-style: italic; }
.wbr .wbr-hidden { font: .8em var(--jp-code-font-family, monospace); border: 1px solid var(--jp-warn-color1, #b60); padding: 0 .2em; }
.wbr mark { color: inherit; background: #fc93; border-bottom: 2px solid var(--jp-warn-color1, #b60); }
.wbr mark.wbr-only-b { background: #9cf5; border-bottom: 2px dotted var(--jp-info-color1, #06c); }
.wbr table { border-collapse: collapse; margin: .2em 0; color: inherit; font: inherit; }
.wbr th, .wbr td { text-align: left; vertical-align: top; padding: .2em .7em .2em 0; overflow-wrap: break-word; max-width: 48em; }
.wbr th { font-weight: 600; }
.wbr td > .wbr-text { min-width: 20em; max-height: 16em; }
.wbr tr.wbr-here > * { font-weight: 600; }
.wbr tr.wbr-here > :first-child { border-left: 3px solid var(--jp-brand-color1, #06c); padding-left: .5em; }
.wbr kbd { font: inherit; border: 1px solid var(--jp-border-color1, #8888); border-radius: 3px; padding: 0 .4em; }
</style>"""


def page(case: Case, *, revealed: bool, own: Decision | None = None, others: Sequence[Decision] = ()) -> str:
    """The whole page of a unit; the ratings and the decisions of `others` only where `revealed`."""
    parts = [about_unit(case), about_item(case), about_steps(case), about_levels(case, chosen=own)]
    if revealed:
        parts += [about_ratings(case), about_decisions(case, others)]
    else:
        parts.append("<h4>Ratings</h4><div class='wbr-note'>Hidden until you have given yours, so that they do not steer it.</div>")
    return framed("".join(parts))


def framed(content: str) -> str:
    """Parts of a page with the style that they need; formulas in the text of others stay as they are written."""
    return f"{STYLE}<div class='wbr mathjax_ignore tex2jax_ignore'>{content}</div>"


def about_unit(case: Case) -> str:
    """What is to be decided, and where the item comes from."""
    unit, item = case.unit, case.item
    step = "" if unit.step is None else f", step {unit.step}"
    from_where = [("task", item.get("task_type")), ("prompt", item.get("prompt_id"))]
    said = " · ".join(f"{name} {safe(value, limit=CELL)}" for name, value in from_where if value is not None)
    rubric = f"rubric {safe(unit.rubric, limit=CELL)} {safe(unit.rubric_version, limit=CELL)}"
    return (f"<h3>{safe(unit.criterion, limit=CELL)}: {safe(unit.item_id, limit=CELL)}{step}</h3>"
            f"<div class='wbr-note'>{rubric}{' · ' + said if said else ''}</div>")


def about_item(case: Case) -> str:
    """Prompt and text, or both texts of a pair side by side; further columns of the item below."""
    item = case.item
    made = [headed("Prompt", boxed(item["prompt"]))] if "prompt" in item else []
    if "text" in item and "text_b" in item:
        first, second, note = beside(item["text"], item["text_b"])
        made.append(f"<div class='wbr-pair'>{headed('A', box(first))}{headed('B', box(second))}</div>")
        made.append(f"<div class='wbr-note'>{note or 'Marked: what only A has (solid line), what only B has (dotted line).'}</div>")
    elif "text" in item or "text_b" in item:
        made.append(headed("Text", boxed(item.get("text", item.get("text_b")))))
    elif case.steps is None:
        made.append("<div class='wbr-note'>No text of this item is here: items.parquet has no column text for it.</div>")
    rest = {c: v for c, v in item.items() if c not in (*TEXTS, *OF_ITEM)}
    return "".join(made) + (f"<details><summary>More of the item</summary>{pairs(rest)}</details>" if rest else "")


def about_steps(case: Case) -> str:
    """The steps of a trajectory, the one that is decided marked; of very long ones those around it."""
    steps, here = case.steps, case.unit.step
    if steps is None:
        return ""
    number = steps["step"].map(lambda v: None if known(v) is None else int(v))
    at = int((number == here).to_numpy().argmax()) if here is not None else 0
    first, last = max(0, at - N_STEPS), at + N_STEPS + 1
    rows = []
    for place, step in steps.iloc[first:last].iterrows():
        own = here is not None and number[place] == here
        ok = known(step.get("ok"))
        cells = [safe(number[place]), safe(known(step.get("kind")), limit=CELL), "" if ok is None else "ok" if ok else "failed",
                 f"<div class='wbr-text'>{safe(known(step.get('text')), **({} if own else {'limit': STEP_TEXT}))}</div>"]
        rows.append(row(cells, here=own))
    left = len(steps) - len(rows)
    note = f"<div class='wbr-note'>{left:,} further steps are not shown.</div>" if left else ""
    return headed("Steps", table(["step", "kind", "result", "text"], rows) + note)


def about_levels(case: Case, *, chosen: Decision | None = None) -> str:
    """The rubric's text for the criterion, a level a row with its key."""
    line, scale = case.line, case.scale
    made = f"<div>{safe(line.definition)}</div>" if line.definition else ""
    level = case.level_of(chosen.score, chosen.label) if chosen and chosen.valued else None
    if case.levels:
        words = line.wordings or ("",) * len(scale.levels)
        rows = [row([f"<kbd>{place}</kbd>" if place < 10 else "", safe(name, limit=CELL), safe(wording)], here=name == level)
                for place, (name, wording) in enumerate(zip(scale.levels, words), 1)]
        made += table(["key", "level", "wording"], rows)
    else:
        between = f" from {scale.minimum:g} to {scale.maximum:g}" if scale.minimum is not None and scale.maximum is not None else ""
        made += f"<div>A number{between}.{f' Yours: {level}.' if level else ''}</div>"
    assumed = "<div class='wbr-note'>There is no rubric file: these are the levels that occur.</div>" if scale.assumed else ""
    return headed("Rubric", made + assumed)


def about_ratings(case: Case) -> str:
    """How often each level was given, and by whom."""
    shown = case.ratings[case.ratings["rater_kind"] != "adjudicator"]
    panel = case.panel["level"].value_counts()
    order = {name: place for place, name in enumerate(case.scale.levels)}
    counts = table(["level", "raters"], [row([safe(level, limit=CELL), f"{n:,} {'■' * min(int(n), 40)}"])
                                         for level, n in sorted(panel.items(), key=lambda pair: order.get(pair[0], len(order)))])
    columns = [c for c in ("rater_id", "rater_kind", "level", "party", "layer", "status", "rated_at") if c in shown]
    ordered = shown.sort_values(["layer", "rater_id"], kind="stable")
    rows = [row([cell(record[c]) for c in columns]) for record in ordered[columns].to_dict("records")]
    return headed("Ratings", counts + table([c.replace("_", " ") for c in columns], rows))


def about_decisions(case: Case, decisions: Iterable[Decision]) -> str:
    """What other reviewers decided of this unit."""
    rows = [row([safe(d.reviewer, limit=CELL), safe(case.level_of(d.score, d.label), limit=CELL),
                 safe(REASONS.get(d.reason or "", d.reason)), safe(d.note, limit=STEP_TEXT)]) for d in decisions if d.valued]
    return headed("Decided by others", table(["reviewer", "level", "reason", "note"], rows)) if rows else ""


def headed(title: str, content: str) -> str:
    """A part of the page under its title."""
    return f"<div><h4>{title}</h4>{content}</div>"


def boxed(text: object) -> str:
    """A text of others in its box."""
    return box(safe(text))


def box(content: str) -> str:
    """What is safe already in a box; its direction is found from its own first letters, and ends with it."""
    return f"<div class='wbr-text' dir='auto'>{content}</div>"


def table(heads: Sequence[str], rows: Sequence[str]) -> str:
    """Rows under their heads."""
    return f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>{''.join(rows)}</table>"


def row(cells: Sequence[str], *, here: bool = False) -> str:
    """Cells, safe already, as a row; `here` marks it."""
    return f"<tr{' class=wbr-here' if here else ''}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def cell(value: Any) -> str:
    """A value as a cell."""
    value = known(value)
    if hasattr(value, "strftime"):
        return f"{value:%Y-%m-%d %H:%M}"
    return safe(f"{value:g}" if isinstance(value, float) else value, limit=CELL)


def pairs(values: Mapping[str, Any]) -> str:
    """Names and values as a table."""
    return table(["column", "value"], [row([safe(name, limit=CELL), cell(value)]) for name, value in values.items()])


def frame_table(frame: pd.DataFrame) -> str:
    """A small frame as a table, every cell escaped."""
    return table([safe(c, limit=CELL).replace("_", " ") for c in frame],
                 [row([cell(v) for v in values]) for values in frame.itertuples(index=False, name=None)])
