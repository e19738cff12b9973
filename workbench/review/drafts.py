"""A proposed next version of a rubric: a draft file with the cases that motivated it, which no reading takes for a rubric in force."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from workbench.cache import replacing
from workbench.errors import ParameterError, RubricError, shorten
from workbench.instrument import Rubric
from workbench.review.decisions import Decision, Unit


@dataclass(frozen=True)
class Motive:
    """A case that a change of the rubric is to settle."""

    item_id: str
    step: int | None = None
    criterion: str = "overall"
    reason: str = ""
    note: str = ""
    decision: str = ""      # the rating_id of the decision


@dataclass(frozen=True)
class Draft:
    """A draft rubric, its motives, and where it lies."""

    rubric: Rubric
    motives: tuple[Motive, ...]
    path: Path

    @property
    def how_to_promote(self) -> str:
        """What to do for the draft to come into force."""
        return (f"To bring it into force: set in_force in {self.path.name}, move it to {self.path.parent.parent.name}/ (for example: "
                f"mv {self.path} {self.path.parent.parent}/), and have the platform ask for version {self.rubric.version}.")


def propose(folder: Path, *, rubric: Rubric, unit: Unit, changed: str, definition: str | None = None,
            wordings: Mapping[str, str] | None = None, motives: Sequence[Motive] = ()) -> Draft:
    """Write the next version of `rubric` with another definition or other wordings of the unit's criterion, as a draft.

    changed: one sentence that says what is changed and why. wordings: level -> its words. A draft that is there already, made of the
    same version, is amended: what it says elsewhere stays, `changed` and motives are added.
    Errors: `ParameterError` for a proposal that changes nothing, says nothing, or names a level that is not there; `RubricError` where
    the draft that is there cannot be read, or the rubric has no such criterion.
    """
    from workbench.store.managed import locked, not_written

    sentence = " ".join(changed.split())
    if not sentence:
        raise ParameterError("changed='': say in one sentence what is changed and why; whoever rates by the new version will read it.")
    place = folder / "rubrics" / "drafts"
    with locked(folder):
        draft = found(place, rubric)
        fresh = replace(rubric, version=next_version(folder, rubric), parent=rubric.version, changed="", in_force=None)
        base = draft.rubric if draft else fresh
        edited = with_words(base, unit.criterion, definition, wordings or {})
        said = base.changed if sentence in base.changed else " ".join(filter(None, (base.changed, sentence)))
        known = draft.motives if draft else ()
        path = draft.path if draft else place / file_name(base)
        made = Draft(replace(edited, changed=said, source=f"drafts/{path.name}"), tuple(dict.fromkeys((*known, *motives))), path)
        try:
            place.mkdir(parents=True, exist_ok=True)
            write_whole(path, text_of(made))
        except OSError as fault:
            raise not_written(place, fault) from None
    return made


def motives_of(unit: Unit, decisions: Sequence[Decision]) -> list[Motive]:
    """A unit, and the decisions on it and those that name a hole in its rubric for its criterion, as motives."""
    alike = [d for d in decisions if (d.unit.criterion, d.unit.rubric) == (unit.criterion, unit.rubric)]
    made = {d.unit: Motive(d.unit.item_id, d.unit.step, d.unit.criterion, d.reason or "", d.note or "", d.rating_id)
            for d in alike if d.reason == "rubric_hole" or d.unit == unit}
    return list(({unit: Motive(unit.item_id, unit.step, unit.criterion)} | made).values())


def with_words(rubric: Rubric, criterion: str, definition: str | None, wordings: Mapping[str, str]) -> Rubric:
    """The rubric with other words for one criterion."""
    line = rubric.criteria.get(criterion)
    if line is None:
        raise RubricError(f"{rubric.source or rubric.name}: it has no criterion {criterion!r}. It has: {', '.join(rubric.criteria)}.")
    unknown = [level for level in wordings if level not in line.scale.levels]
    if unknown:
        raise ParameterError(f"wordings names level {unknown[0]!r}, which {criterion!r} has not. Its levels are: "
                             f"{', '.join(line.scale.levels) or 'none'}.")
    old = dict(zip(line.scale.levels, line.wordings or ("",) * len(line.scale.levels)))
    words = tuple((old | {k: v.strip() for k, v in wordings.items()}).values())
    new = replace(line, definition=line.definition if definition is None else definition.strip(), wordings=words)
    if (new.definition, words) == (line.definition, tuple(old.values())):
        raise ParameterError(f"the proposal leaves definition and wordings of {criterion!r} as they are. Change one of them.")
    return replace(rubric, criteria={**rubric.criteria, criterion: new})


def found(place: Path, rubric: Rubric) -> Draft | None:
    """The draft that was made of this version of the rubric, if there is one."""
    for path in sorted(place.glob("*.toml")):
        draft = read_draft(path)
        if (draft.rubric.name, draft.rubric.parent) == (rubric.name, rubric.version):
            return draft
    return None


def read_draft(path: Path) -> Draft:
    """A draft file: a rubric file with [[cases]]. Errors: `RubricError`."""
    from workbench.store.rubrics import known_keys, read_criterion

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        for case in content.get("cases", []):
            known_keys(case, {f.name for f in fields(Motive)}, where=f"{path.name} [[cases]]")
        motives = tuple(Motive(**case) for case in content.get("cases", []))
        criteria = {name: read_criterion(line, where=f"{path.name} [criteria.{name}]") for name, line in content["criteria"].items()}
        plain = {key: str(content.get(key, "")) for key in ("name", "version", "parent", "author_party", "changed")}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, KeyError, AttributeError) as fault:
        raise RubricError(f"{path.name}: the draft cannot be read ({shorten(repr(fault), 100)}). Mend it, or move it away.") from None
    return Draft(Rubric(criteria=criteria, in_force=content.get("in_force"), source=f"drafts/{path.name}", **plain), motives, path)


def text_of(draft: Draft) -> str:
    """A draft as the text of its file: a rubric, and its cases."""
    from workbench.store.rubrics import quoted, rubric_text

    lines = [rubric_text(draft.rubric)]
    for motive in draft.motives:
        held = {f.name: getattr(motive, f.name) for f in fields(Motive)}
        lines += ["[[cases]]", *(f"{c} = {v if isinstance(v, int) else quoted(v)}" for c, v in held.items() if v not in (None, "")), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def next_version(folder: Path, rubric: Rubric) -> str:
    """The version after this one that no rubric file has: 2 after 1, 2.1.4 after 2.1.3, beta-2 after beta."""
    from workbench.store.rubrics import read_rubrics

    taken = {version for name, version in read_rubrics(folder / "rubrics") if name == rubric.name} | {rubric.version}
    stem, number = re.fullmatch(r"(.*?)(\d*)", rubric.version, re.DOTALL).groups()
    stem, count = (stem, int(number)) if number else (f"{stem}-", 1)
    while (version := f"{stem}{(count := count + 1):0{len(number)}d}") in taken:
        pass
    return version


def file_name(rubric: Rubric) -> str:
    """The name of a rubric's file."""
    return re.sub(r"[^\w.-]+", "_", f"{rubric.name}-{rubric.version}").lstrip(".") + ".toml"


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is whole at every moment, and on disk when this returns."""
    with replacing(path) as partial, partial.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
