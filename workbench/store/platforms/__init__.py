"""Platforms whose exports are imported: one parser a file, each with `parse(path, options)` and nothing known of the store."""

from __future__ import annotations

# The name on the command line -> the module that parses it.
PLATFORMS = {
    "label-studio": "label_studio", "prodigy": "prodigy", "argilla": "argilla", "inspect": "inspect_logs", "appraise": "appraise",
    "mqm": "marot", "table": "table", "appen": "table", "zooniverse": "table", "toloka": "table",
}
