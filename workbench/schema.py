"""The rating table: column names, types, defaults and allowed words. The one contract with labelling platforms."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column of the rating table. `type` is an Ibis type name; `default` fills an absent column or a null."""

    name: str
    type: str
    default: str | int | None = None
    allowed: tuple[str, ...] = ()


RATER_KINDS = ("human", "expert", "adjudicator", "model", "program", "gold", "outcome")
STATUSES = ("rated", "unsure", "skipped", "not_applicable", "cancelled")
SELECTIONS = ("planned", "audit", "routed", "review")
SCALES = ("nominal", "ordinal", "interval", "ratio")
SEVERITIES = ("alarm", "attention", "unknown", "ok")                # of findings
COUNTS = ("n_items", "n_raters", "n_ratings", "n_dropped")          # of estimates

COLUMNS: tuple[Column, ...] = (
    Column("item_id", "string"),
    Column("rater_id", "string"),
    Column("score", "float64"),
    Column("label", "string"),
    Column("criterion", "string", "overall"),
    Column("rubric", "string", "default"),
    Column("rubric_version", "string", "1"),
    Column("rated_at", "timestamp('UTC')"),
    Column("started_at", "timestamp('UTC')"),
    Column("prompt_id", "string"),
    Column("step", "int64"),
    Column("rater_kind", "string", "human", RATER_KINDS),
    Column("layer", "int64", 0),
    Column("party", "string"),
    Column("system", "string"),
    Column("system_b", "string"),
    Column("shown_first", "string"),
    Column("task_type", "string"),
    Column("session", "string"),
    Column("seconds", "float64"),
    Column("status", "string", "rated", STATUSES),
    Column("selection", "string", "planned", SELECTIONS),
    Column("text", "string"),
    Column("batch", "string"),
    Column("rating_id", "string"),
    Column("replaces", "string"),
)
BY_NAME = {column.name: column for column in COLUMNS}
REQUIRED = ("item_id", "rater_id")

# What a rating is compared within; `rubric_version` splits units only where `by` names it.
UNIT = ("item_id", "step", "criterion", "rubric")

# Who speaks for the panel unless `Ratings.where` names the column itself.
PANEL = {
    "rater_kind": ("human", "expert"),
    "layer": (0,),
    "status": ("rated",),
    "selection": ("planned", "audit"),
}
