"""Reports told to people: a short text with the page, by mail, chat or webhook, to where the `[[deliver]]` tables of a pack say."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from workbench.errors import ReportError, shorten
from workbench.report.artefact import MANIFEST, Run
from workbench.report.pack import find_workspace, load_pack
from workbench.report.recipients import Delivery

STATE = ".delivered"        # .json: what was told to whom; .lock: held while it is told
SHOWN, WIDTH = 8, 400       # findings in the text, and characters of each
HIDDEN = 4                  # no part of an address from so many characters on is repeated
QUIET = "nothing needs attention"


def deliver(name: str, *, workspace: str | Path | None = None, hold: dt.datetime | None = None) -> list[str]:
    """Tell of the reports of a pack that were not told of yet, each once, and give a line for each that was.

    Of a `[[deliver]]` table seen for the first time the latest report is told, and from then on each that is made; what could not be
    told is tried again by the next call. What was told stands beside the reports, in `.delivered.json`: which variable, which report.

    hold: of reports made from then on nobody is told, nor later; nothing is sent. Errors: `ReportError` when something could not be
    delivered, with a line for each; the reports are as they were. As `load_pack` for the rest.
    """
    root = find_workspace(workspace)
    pack, folder = load_pack(name, workspace=root), root / "reports" / name
    told, lost = [], []
    if not pack.deliver or not folder.is_dir():
        return told
    with _state(folder) as state:
        for delivery in pack.deliver:
            runs = _runs(folder, name)
            own = state.setdefault(delivery.to, {"since": runs[-1][0] if runs else "", "done": []})
            own["done"] = [path for path in own["done"] if (folder / path).exists()]
            _write(folder, state)       # before anything is sent: what cannot be remembered would be told again and again
            since = max(own["since"], hold.astimezone(dt.timezone.utc).isoformat(timespec="seconds") if hold else "")
            for run in [run for started, run in runs if started >= since and _key(run) not in own["done"]]:
                asked = not hold and wanted(run, when=delivery.when)
                if why := _send(run, delivery) if asked else "":
                    lost.append(f"{run.pack} {run.period}: not delivered to {delivery.to} ({why}).")
                    continue
                own["done"].append(_key(run))
                _write(folder, state)
                told += [f"{run.pack} {run.period}: told {delivery.to}"] if asked else []
    if lost:
        raise ReportError(f"{' '.join(lost)} The report stands as it was made; the next run tries again.")
    return told


def _key(run: Run) -> str:
    """What names a report within its pack's folder."""
    return f"{run.period}/{run.path.name}"


def message(run: Run, *, link: str = "") -> tuple[str, str]:
    """What is told of a report: a title, and a text that begins with what needs attention."""
    manifest = run.manifest
    findings, muted = run.findings, {one["id"] for one in manifest.get("actions", {}).get("told", ()) if one["muted"]}
    open_ = findings[~findings["id"].isin(muted)]
    counts = {severity: int((open_["severity"] == severity).sum()) for severity in ("alarm", "attention", "unknown")}
    closed = [gate for gate in manifest["gates"] if not gate["open"]]
    parts = [f"{len(run.failed)} of its notebooks failed"] if run.failed else []
    parts += [f"{n} {word}{'s' if n > 1 else ''}" for n, word in ((counts["alarm"], "alarm"), (len(closed), "closed gate")) if n]
    parts += [f"{counts['attention']} for attention"] if counts["attention"] else []
    lines = [f"This report is not whole: {name} failed ({shorten(why, WIDTH)})." for name, why in run.failed.items()]
    urgent = open_[open_["severity"].isin(["alarm", "attention"])]
    lines += [f"{row.severity.capitalize()}: {shorten(row.sentence, WIDTH)}" for row in urgent.head(SHOWN).itertuples()]
    lines += [f"And {len(urgent) - SHOWN} more."] if len(urgent) > SHOWN else []
    lines += [f"Gate closed: {shorten(gate['name'], 80)}: {shorten(gate['why'], WIDTH)}" for gate in closed]
    lines += [f"{counts['unknown']} of what was asked cannot be told from these data."] if counts["unknown"] else []
    where = f"{run.pack}/{run.period}/{run.path.name}/index.html"
    lines += ["", f"The report: {link.rstrip('/') if link else 'reports'}/{where} (its first page is attached)"]
    return f"{shorten(manifest['title'], 80)}, {run.period}: {', '.join(parts) or QUIET}", "\n".join(lines).strip()


def wanted(run: Run, *, when: str) -> bool:
    """Whether this report is one to tell of."""
    return when == "always" or bool(run.failed) or when == "attention" and not message(run)[0].endswith(QUIET)


def _send(run: Run, delivery: Delivery) -> str:
    """Tell of one report; "" when that was taken, else why not, without any part of the address."""
    address = os.environ.get(delivery.to, "")
    if not address:
        return "the environment variable is not set"
    import apprise
    from apprise.attachment.file import AttachFile

    own = apprise.AppriseAsset(app_id="Workbench", app_desc="Workbench", app_url="", image_url_mask="", image_url_logo="")
    place = apprise.Apprise(asset=own)
    title, text = message(run, link=delivery.link)
    talkers = [logging.getLogger(name) for name in (apprise.LOGGER_NAME, "urllib3")]     # what they say may hold the address
    kept = [(talker, talker.propagate) for talker in talkers]
    for talker in talkers:
        talker.propagate = False
    try:
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)     # of its plugins, which load when the first address is read
            if not place.add(address) or len(place) != 1:
                return "one address was expected, such as mailto://... or json://..., and apprise reads none or several in it"
            page = AttachFile(str(run.index), name=f"{run.pack}-{run.period}.html", mimetype="text/html")
            if place.notify(body=text, title=title, body_format=apprise.NotifyFormat.TEXT, attach=[page]):
                return ""
            words = [line.strip() for line in said.getvalue().splitlines() if line.strip()]
    finally:
        for talker, propagated in kept:
            talker.propagate = propagated
    for part in sorted(re.split(r"[^\w.-]+", address), key=len, reverse=True):
        words = [word.replace(part, "…") for word in words] if len(part) >= HIDDEN else words
    return shorten(words[0].rstrip("."), 160) if words else "it was not taken"


def _runs(folder: Path, pack: str) -> list[tuple[str, Run]]:
    """The reports of a pack, complete and failed, in the order they were made, with when; what cannot be read is left out."""
    found = []
    for path in folder.glob(f"[!.]*/*/{MANIFEST}"):
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            told = json.loads(path.read_text(encoding="utf-8"))
            run = Run(pack, told["period"], told["version"], path.parent)
            if ".old-" not in path.parent.name:
                failed = {name: one["error"] for name, one in told["notebooks"].items() if one["error"]}
                found.append((told["started"], replace(run, failed=failed)))
    return sorted(found, key=lambda one: (one[0], one[1].period))


@contextmanager
def _state(folder: Path) -> Iterator[dict[str, dict]]:
    """What was told to whom, with no other process telling meanwhile."""
    with _kept(folder):
        lock = (folder / f"{STATE}.lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = {}
        with suppress(OSError, ValueError):
            state = json.loads((folder / f"{STATE}.json").read_text(encoding="utf-8"))
        yield state


def _write(folder: Path, state: Mapping[str, object]) -> None:
    """Keep what was told, in one step."""
    half = folder / f"{STATE}.half"     # one at a time, for the lock is held
    with _kept(folder):
        half.write_text(json.dumps(state, indent=1), encoding="utf-8")
        half.replace(folder / f"{STATE}.json")


@contextmanager
def _kept(folder: Path) -> Iterator[None]:
    """Errors: `ReportError` where what was told cannot be kept."""
    try:
        yield
    except OSError as error:
        raise ReportError(f"reports/{folder.name}: what was told to whom could not be written there ({error.strerror or error}), so no "
                          "more is told. Make the folder writable and room on its disk; the next run tries again.") from None
