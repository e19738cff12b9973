"""Anyone's words on a page: shown, never run and never fetched."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from stand_ins import Elements

from workbench.report.sanitise import TAGS, align_columns, clean_html, prose

PAYLOADS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "<a href='javascript:alert(1)'>x</a>",
    "<iframe src='https://evil.example'></iframe>", "<style>@import 'https://evil.example'</style>", "<p onclick=alert(1)>x</p>",
    "<scr<script>ipt>alert(1)</script>", "<SCRIPT SRC=//evil.example/x.js>", "<div style='background:url(https://evil.example)'>x</div>",
    "<link rel=stylesheet href=https://evil.example>", "<base href=https://evil.example>", "<form action=//evil.example><input></form>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>", "<p id=provenance name=x>x</p>",
    "<template><script>alert(1)</script></template>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>", "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
]


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("show", [clean_html, prose, lambda text: clean_html(f"<table><tr><td>{text}</td></tr></table>")])
def test_nothing_that_runs_or_loads_comes_through(payload: str, show: Callable[[str], str]) -> None:
    elements = Elements.of(show(payload))
    assert elements.names <= TAGS
    assert elements.attributes <= {"class", "style", "title", "href"}
    assert not [link for link in elements.links if link.startswith("javascript")]
    assert "background" not in " ".join(elements.styles)


def test_a_picture_in_markdown_is_not_fetched_and_a_link_stays_a_link() -> None:
    assert "src" not in prose("![x](https://evil.example/pixel.png)")
    assert 'href="https://doi.org/1"' in prose("[source](https://doi.org/1)")
    assert "javascript" not in prose("[x](javascript:alert(1))")


def test_plain_markup_of_tables_stays() -> None:
    html = "<table><caption>n</caption><tr><th scope=\"row\">a</th><td style=\"text-align: left;\">1</td></tr></table>"
    assert "<caption>" in clean_html(html) and "text-align:left" in clean_html(html)


def test_a_style_neither_loads_nor_lifts_a_part_out_of_its_place() -> None:
    shown = clean_html("<p style='color: red; position: fixed; cursor: url(//evil.example); Content: url(x); width: 100px; --x: url(y)'>x</p>")
    assert Elements.of(shown).styles == {"color:red;width:100px"}


def test_columns_of_words_are_told_from_columns_of_numbers() -> None:
    rows = ("<tr><th>0</th><td>r1</td><td>1,204</td></tr><tr><th>1</th><td>7</td><td>nan</td></tr>"
            "<tr><th>2</th><td>r2</td><td>&lt;5</td></tr>")
    html = f"<table><tr><th></th><th>who</th><th>n</th></tr>{rows}</table>"
    aligned = align_columns(html)
    assert '<th class="words">who</th><th>n</th>' in aligned
    assert '<td class="words">r1</td><td>1,204</td>' in aligned and '<td class="words">7</td><td>nan</td>' in aligned


def test_a_column_of_sentences_gets_room() -> None:
    aligned = align_columns(f"<table><tr><th>note</th></tr><tr><td>{'word ' * 20}</td></tr><tr><td>short</td></tr></table>")
    assert aligned.count('class="words long"') == 3
