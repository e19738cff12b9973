"""Whether improvement can be detected at all: on which tasks and criteria, how small, and what it would take."""

from __future__ import annotations

from workbench.lazy import lazily

__getattr__, __all__ = lazily(__name__, {
    "detectable": "smallest", "verifiability": "verify", "findings": "conclude",
})
