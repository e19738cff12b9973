"""Notebooks and parameters become versioned report artefacts: `run`, `save`, `load_pack`, `list_runs`, `show_progress`."""

from __future__ import annotations

from workbench.lazy import lazily

__getattr__, __all__ = lazily(__name__, {
    "run": "order", "save": "collect", "Pack": "pack", "load_pack": "pack", "Run": "artefact", "list_runs": "artefact",
    "find_run": "artefact", "altered": "artefact", "prune": "artefact", "rerun": "repeat", "junit": "gates", 
    "deliver": "delivery", "compare": "versus", "write_shelf": "shelf", "begin": "beginning", "DISJOINT": "versus", "RESTS": "versus",
    "show_progress": "live",
})
