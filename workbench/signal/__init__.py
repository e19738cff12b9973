"""Whether improvement can be detected at all: on which tasks and criteria, how small, and what it would take."""

from __future__ import annotations

from workbench.lazy import lazily

__getattr__, __all__ = lazily(__name__, {
    "detectable": "smallest", "verifiability": "verify", "findings": "conclude",
    "reliability": "reliability_study", "progress": "progress_steps", "next_purchase": "purchases",
    "coupling": "coupling_gains", "party_graph": "coupling_roles",
    "hacking": "hacking_signs", "program_errors": "hacking_errors",
    "passport": "passport_lineage", "transfer_findings": "transfer_conclude",
})
