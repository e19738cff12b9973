"""Who has which unit on screen: leases in a file beside the store, so that two reviewers of a queue are not shown the same.

A lease lasts two minutes from when it was last renewed, or until the process that holds it is gone; a panel that is open renews it.
A decision does not end it for desks that do not know of the decision: by the time it has run out, every other desk has read the store
again.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from uuid import uuid4

from workbench.cache import replacing
from workbench.review.decisions import Unit

LEASE = 120.0       # seconds


@dataclass(frozen=True)
class Holder:
    """A desk: its session, whose it is, and the process that it lives in."""

    reviewer: str
    session: str = field(default_factory=lambda: uuid4().hex[:12])
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)


def claim(folder: Path, *, unit: Unit, holder: Holder, knows: bool = False, steal: bool = False) -> str:
    """Lease a unit, or renew its lease; "" where that is done, else the reviewer who has it.

    knows: what the other desk decided before it moved on is known, so that its lease has no purpose any more. steal: take it from another
    desk of the same reviewer, who opens anew what they left. Errors: `RatingsError` where the folder cannot be written.
    """
    with leases(folder) as held:
        other = held.get(key_of(unit))
        again = other and steal and other["reviewer"] == holder.reviewer
        if other and other["session"] != holder.session and not again and not (knows and other.get("decided")):
            return str(other["reviewer"])
        held[key_of(unit)] = {**asdict(holder), "until": time.time() + LEASE}
        return ""


def move_on(folder: Path, *, unit: Unit, holder: Holder, decided: bool) -> None:
    """End a desk's lease of a unit that it leaves undecided; one that it `decided` stays until others have read of it."""
    with leases(folder) as held:
        key = key_of(unit)
        if held.get(key, {}).get("session") == holder.session:
            own = held.pop(key)
            if decided:
                held[key] = {**own, "until": time.time() + LEASE, "decided": True}


@contextmanager
def leases(folder: Path) -> Iterator[dict[str, dict]]:
    """The leases that hold, to be changed; nobody else changes them meanwhile. Written whole or not at all."""
    from workbench.store.managed import not_written

    place = folder / "review"
    try:
        place.mkdir(exist_ok=True)
        with (place / ".lock").open("a") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            before = read_leases(place / "claims.json")
            held = {key: dict(lease) for key, lease in before.items() if holds(lease)}
            yield held
            if held != before:
                with replacing(place / "claims.json") as partial:
                    partial.write_text(json.dumps(held, indent=1), encoding="utf-8")
    except OSError as fault:
        raise not_written(place, fault) from None


def read_leases(path: Path) -> dict[str, dict]:
    """What the file says; a damaged one says nothing, for leases are no data."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    wanted = {"reviewer", "session", "host", "pid", "until"}
    return {k: v for k, v in found.items() if isinstance(v, dict) and wanted <= set(v)} if isinstance(found, dict) else {}


def holds(lease: dict) -> bool:
    """Whether a lease still holds: not run out, and its process, where it is of this machine, alive."""
    if lease["until"] < time.time():
        return False
    if lease["host"] != socket.gethostname():
        return True
    try:
        os.kill(int(lease["pid"]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def key_of(unit: Unit) -> str:
    """A unit as a key of the file."""
    return json.dumps(astuple(unit), ensure_ascii=False)
