"""The version of a report: a short hash of everything that decides its content, and of nothing else."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata

from workbench.cache import source_hash
from workbench.report.pack import Pack
from workbench.source import Snapshot

# What computes or draws something in a report.
PACKAGES = ("altair", "deltalake", "duckdb", "ibis-framework", "ipykernel", "mistune", "nbclient", "nh3", "numpy", "pandas",
            "papermill", "pingouin", "pyarrow", "pyspark", "ruptures", "scikit-learn", "scipy", "statsmodels",
            "vl-convert-python")


@cache
def package_versions() -> dict[str, str]:
    """The installed version of each of `PACKAGES`; those not installed are left out."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def notebook_hash(notebook: Mapping) -> str:
    """A hash of what a notebook says and does: the kinds, texts and tags of its cells, not its outputs."""
    return _hash([(c["cell_type"], c["source"], sorted(c.get("metadata", {}).get("tags", ()))) for c in notebook["cells"]])


def code_hashes(pack: Pack) -> dict[str, str]:
    """The hashes of what computes: the package, and each notebook of the pack."""
    return {"workbench": source_hash(), **{n.name: notebook_hash(n.content) for n in pack.notebooks}}


def version(pack: Pack, *, period: str, snapshot: Snapshot, given: Mapping[str, object],
            past: Sequence[Mapping[str, object]] = ()) -> str:
    """Twelve hexadecimal digits. `given` holds what was asked for: parameters, columns, exclude, seed; `past` what earlier reports said
    of the findings that people did something about.

    The engine is left out, for it must not change a number; so are paths, times and commits.
    """
    notebooks = {n.name: [notebook_hash(n.content), n.parameters] for n in pack.notebooks}
    data = [snapshot.id, snapshot.n_rows, dict(snapshot.rubrics)]
    rules = [str(rule) for rule in (*pack.gates, *pack.actions, pack.private)]
    return _hash([pack.name, pack.title, notebooks, rules, list(past), period, data, dict(given), source_hash(),
                  platform.python_version(), package_versions()])[:12]


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str, ensure_ascii=False).encode()).hexdigest()
