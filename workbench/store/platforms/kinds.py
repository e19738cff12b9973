"""Which platform's export a record comes from, and the error for a file of another kind than was expected."""

from __future__ import annotations

from typing import Any

from workbench.errors import RatingsError, examples

KNOWN = {"label-studio": "a Label Studio export (JSON)", "label-studio-min": "Label Studio's JSON_MIN",
         "prodigy": "a Prodigy export (JSONL)", "argilla": "an Argilla export (JSON)", "inspect": "an Inspect AI log"}


def looks_like(record: Any) -> str:
    """Which platform's export a record comes from, by its keys; "" for none that is known."""
    if not isinstance(record, dict):
        return ""
    if isinstance(record.get("data"), dict) and {"annotations", "completions", "predictions"} & set(record):
        return "label-studio"
    if "annotation_id" in record and "annotator" in record:
        return "label-studio-min"
    if "_task_hash" in record or record.get("answer") in ("accept", "reject", "ignore"):
        return "prodigy"
    nested = isinstance(record.get("fields"), dict) and {"responses", "suggestions"} & set(record)
    if nested or any(name.endswith((".responses", ".suggestion")) for name in record):
        return "argilla"
    return "inspect" if isinstance(record.get("eval"), dict) and "task" in record["eval"] else ""


def other_kind(name: str, expected: str, record: Any) -> RatingsError:
    """The error for a file of another kind, which names the importer that reads it."""
    found = looks_like(record)
    if found == "label-studio-min":
        return RatingsError(f"{name}: {KNOWN[expected]} was expected; this is {KNOWN[found]}, which does not tell the kinds of controls "
                            "and leaves out predictions and cancelled annotations. Export it from Label Studio as JSON.")
    if found and found != expected:
        return RatingsError(f"{name}: {KNOWN[expected]} was expected, and this looks like {KNOWN[found]}. Use `workbench import {found}`.")
    keys = f"a record with the fields {examples(list(record))}" if isinstance(record, dict) and record else "no such record"
    return RatingsError(f"{name}: {KNOWN[expected]} was expected, and {keys} was found. Name its platform, or use `workbench import "
                        "table`.")
