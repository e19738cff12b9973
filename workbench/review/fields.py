"""Fields and buttons of the panel: what is typed goes to the kernel in one message with the key or click that follows, never after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count

import anywidget
import ipywidgets as widgets
import traitlets

NUMBERS = count(1)
DRAW = """
function render({ model, el }) {
  const options = model.get("options"), rows = model.get("rows"), label = document.createElement("label");
  const field = document.createElement(options.length ? "select" : rows > 1 ? "textarea" : "input");
  label.textContent = model.get("label");
  field.setAttribute("aria-label", model.get("label") || model.get("hint"));
  if (!options.length) Object.assign(field, { placeholder: model.get("hint") }, rows > 1 ? { rows } : { type: "text" });
  const show = () => {
    if (options.length) field.replaceChildren(...model.get("options").map((name) => new Option(name)));
    field.value = model.get("shown");
    field.dataset.number = model.get("number");
    field.typed = false;
  };
  field.addEventListener("input", () => { field.typed = true; });
  model.on("change:number", show);
  show();
  el.classList.add("wbr-field");
  el.replaceChildren(...(label.textContent ? [label] : []), field);
  return () => model.off("change:number", show);
}
export default { render };
"""


class Field(anywidget.AnyWidget):
    """A line, a text of several `rows`, or a choice of `options`. `text` is what stands in it, as far as the kernel has heard.

    Nothing is sent when it is left: widgets hold such news back while the kernel is busy, and a click overtakes it. `number` tells each
    showing from all others, so that what was typed for one unit is not taken for a note on the next.
    """

    _esm = DRAW
    label, hint, shown = (traitlets.Unicode().tag(sync=True) for _ in range(3))
    rows, number = (traitlets.Int(1).tag(sync=True) for _ in range(2))
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(self, *, label: str = "", hint: str = "", rows: int = 1, text: str = "", options: Sequence[str] = ()) -> None:
        super().__init__(label=label, hint=hint, rows=rows, shown=text, options=list(options), number=next(NUMBERS))
        self.text = text

    def show(self, text: str, *, options: Sequence[str] | None = None) -> None:
        """Put a text in place of what stands there."""
        self.text = text
        with self.hold_sync():
            self.options = self.options if options is None else list(options)
            self.shown, self.number = text, next(NUMBERS)


def take(fields: Iterable[Field], typed: Sequence[Sequence[object]]) -> None:
    """Take over what was typed, pairs of a field's number and a text; what was typed in an earlier showing is gone with it."""
    by_number = {field.number: field for field in fields}
    for number, words in typed:
        if number in by_number:
            by_number[number].text = str(words)


def button(name: str, act: Callable[[], object], *, tooltip: str = "") -> widgets.Button:
    """A button whose click the panel's ear sends, with what was typed before it."""
    made = widgets.Button(description=name, tooltip=tooltip)
    made.add_class(f"wbr-press-{next(NUMBERS)}")
    made.on_click(lambda _: act())
    return made


def within(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    """A widget and all that stands in it."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from within(child)
