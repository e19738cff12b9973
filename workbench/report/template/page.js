(function () {
  "use strict";
  // What scrolls must be reached by keyboard; what does not must not be stopped at.
  const reach = () => document.querySelectorAll(".output, figure, pre, .top nav, aside nav, .runs").forEach(function (box) {
    const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1 && getComputedStyle(box).overflowY !== "visible";
    if (!scrolls) return box.removeAttribute("tabindex");
    box.tabIndex = 0;
    if (!box.hasAttribute("role") && !["NAV", "FIGURE"].includes(box.tagName)) {
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", box.querySelector("table") ? "A table that scrolls" : "Text that scrolls");
    }
  });
  // A link to a passport opens it.
  const open = function () {
    const aim = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const fold = aim && aim.closest("details");
    if (fold && !fold.open) { fold.open = true; aim.scrollIntoView(); }
  };
  addEventListener("load", () => { reach(); open(); });
  addEventListener("resize", reach);
  addEventListener("hashchange", open);
  document.addEventListener("toggle", reach, true);
  document.addEventListener("drawn", reach);
})();
