"""An executed notebook as the parts of a page: prose, folded code, tables, charts, and the headings that lead to them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from workbench.errors import ReportError
from workbench.report.sanitise import align_columns, clean_html, prose

VEGA_LITE = "application/vnd.vegalite.v5"
TITLE = re.compile(r"\A\s*# +(.+?) *#*\s*$", re.MULTILINE)
HEADING = re.compile(r"<h([23])>(.*?)</h\1>", re.DOTALL)
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Part:
    """One piece of a page. `kind`: prose, code, html, chart, image, text or error; `content` is HTML for prose, code and html."""

    kind: str
    content: str
    label: str = ""


@dataclass(frozen=True)
class Page:
    """A notebook laid out: its title, its parts in order, and (level, anchor, text) of each heading."""

    title: str
    parts: tuple[Part, ...]
    headings: tuple[tuple[int, str, str], ...]

    @property
    def has_charts(self) -> bool:
        """Whether the page needs the chart library."""
        return any(part.kind == "chart" for part in self.parts)


def lay_out(notebook: Mapping, *, name: str) -> Page:
    """The page of an executed notebook; its first `#` heading is the title, else its name. It ends where a cell failed.

    Errors: `ReportError` for a chart that only a script from the network could draw.
    """
    title, parts, headings = name, [], []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            found = TITLE.match(source)
            if found and not parts:
                title, source = found.group(1), source[found.end():]
            parts.append(Part("prose", _anchored(prose(source), headings)))
        elif cell["cell_type"] == "code":
            parts += _code(cell, source)
            parts += [part for output in cell["outputs"] for part in _output(output, name)]
            if parts and parts[-1].kind == "error":
                break
    return Page(title, _merged(part for part in parts if part.content.strip()), tuple(headings))


def _merged(parts: Iterable[Part]) -> tuple[Part, ...]:
    """The parts with code that follows code, nothing being shown between, folded as one."""
    merged: list[Part] = []
    for part in parts:
        if merged and part.kind == "code" and merged[-1].kind == "code":
            merged[-1] = Part("code", merged[-1].content + part.content)
        else:
            merged.append(part)
    return tuple(merged)


def _anchored(html: str, headings: list[tuple[int, str, str]]) -> str:
    """The HTML with an id in each heading of level 2 or 3, which are added to `headings`."""
    def anchor(found: re.Match) -> str:
        text = re.sub("<[^>]+>", "", found.group(2))
        name = slug(text)
        name = f"{name}-{len(headings)}" if any(name == other for _, other, _ in headings) else name
        headings.append((int(found.group(1)), name, text))
        return f'<h{found.group(1)} id="{name}">{found.group(2)}</h{found.group(1)}>'

    return HEADING.sub(anchor, html)


def slug(text: str) -> str:
    """Text as the name of a place in a page."""
    return re.sub(r"[^\w]+", "-", text.lower()).strip("-") or "section"


def _code(cell: Mapping, source: str) -> list[Part]:
    """The cell's source, highlighted; the parameters' defaults are left out, for the page lists what they were."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    tags = cell["metadata"].get("tags", ())
    if "parameters" in tags or "injected-parameters" in tags:
        return []
    return [Part("code", highlight(source, PythonLexer(), HtmlFormatter()))]


def _output(output: Mapping, name: str) -> Iterator[Part]:
    if output["output_type"] == "stream":
        yield Part("text", ANSI.sub("", "".join(output["text"])), output["name"])
    elif output["output_type"] == "error":
        yield Part("error", ANSI.sub("", "\n".join(output["traceback"])), f"{output['ename']}: {output['evalue']}")
    else:
        yield _shown(output["data"], name)


def _shown(data: Mapping, name: str) -> Part:
    """The richest form of one result that a page can show."""
    text = {kind: content if isinstance(content, (str, dict)) else "".join(content) for kind, content in data.items()}
    chart = next((spec for kind, spec in text.items() if kind.startswith(VEGA_LITE)), None)
    if chart is not None:
        return Part("chart", chart_json(chart), _chart_title(chart))
    if "image/png" in text:
        return Part("image", f"data:image/png;base64,{text['image/png'].strip()}", "")
    if "image/svg+xml" in text:
        return Part("image", "data:image/svg+xml;base64," + base64.b64encode(text["image/svg+xml"].encode()).decode(), "")
    if "vegaEmbed" in text.get("text/html", ""):
        raise ReportError(f"{name}: a chart was shown in a form that loads scripts from the network. Show it with altair's "
                          'mimetype renderer: alt.renderers.enable("mimetype").')
    if "text/html" in text:
        return Part("html", align_columns(clean_html(text["text/html"])))
    if "text/markdown" in text:
        return Part("html", prose(text["text/markdown"]))
    return Part("text", text.get("text/plain", ""), "result")


def chart_json(spec: Mapping) -> str:
    """The specification as JSON that may stand in a script element.

    Left out: `usermeta`, which could reconfigure the embedding, and `$schema`, which names version 5: the page draws
    with version 6, which takes both.
    """
    own = {key: value for key, value in spec.items() if key not in ("usermeta", "$schema")}
    return json.dumps(own, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _chart_title(spec: Mapping) -> str:
    title = spec.get("title", "")
    title = title.get("text", "") if isinstance(title, Mapping) else title
    return " ".join(title) if isinstance(title, list) else str(title) or "Chart"
