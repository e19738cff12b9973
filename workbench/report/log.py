"""The log of a notebook that failed, beside its report: what ended it, where, and what its process said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.report.page import ANSI
from workbench.report.scrub import Scrub

if TYPE_CHECKING:
    from workbench.report.site import Section

LONGEST = 200_000       # characters of what a process itself wrote to stderr that are kept, the last


def log_name(notebook: str) -> str:
    """The file that holds a notebook's log, and before it what its process itself writes to stderr."""
    return f"{notebook}.log"


def write_logs(folder: Path, sections: tuple[Section, ...], out: Path, scrub: Scrub) -> None:
    """Write the log of each notebook that failed into a report's folder. out: where their processes wrote."""
    for section in sections:
        if section.error:
            raw = out / log_name(section.name)
            own = raw.read_text(encoding="utf-8", errors="replace")[-LONGEST:] if raw.is_file() else ""
            parts = [f"{section.name} failed after {section.seconds:g} s: {section.error}", *outputs(section.notebook),
                     f"its process, stderr:\n{scrub(own)}" if own.strip() else ""]
            text = "\n\n".join(ANSI.sub("", part).strip() for part in parts if part.strip())
            (folder / log_name(section.name)).write_text(f"{text}\n", encoding="utf-8")


def outputs(notebook: Mapping) -> list[str]:
    """What a run notebook has on stderr, and its traceback, each under its cell as the notebook counts them."""
    found, own = [], [cell for cell in notebook["cells"] if "injected-parameters" not in cell["metadata"].get("tags", ())]
    for number, cell in enumerate(own, 1):
        for output in cell.get("outputs", ()):
            if output["output_type"] == "error":
                found.append(f"cell {number}, traceback:\n" + "\n".join(output["traceback"]))
            elif output.get("name") == "stderr":
                found.append(f"cell {number}, stderr:\n{output['text']}")
    return found
