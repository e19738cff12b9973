"""Files, stores and platform exports <-> Ratings; the managed store and its history; synthetic data with planted truth."""

from __future__ import annotations

from workbench.lazy import lazily

__getattr__, __all__ = lazily(__name__, {
    "append_ratings": "managed", "set_aside": "managed", "Appended": "managed",
    "import_ratings": "intake", "Tally": "intake", "Options": "platforms.rows",
    "data_log": "history", "quarantined": "history", "compact_data": "history", "forget_rater": "erase", "Forgotten": "erase",
    "adopt": "adopted", "Adopted": "adopted",
})
