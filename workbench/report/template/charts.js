(function () {
  "use strict";
  // Vega's interpreter reads datetime(milliseconds) as a year, and the chart comes out empty: it gets the same moment as text.
  const EXPRESSIONS = new Set(["signal", "expr", "update", "test", "init"]);
  const asText = (call, milliseconds) => "datetime('" + new Date(Number(milliseconds)).toISOString() + "')";
  const mend = (key, value) => typeof value === "string" && EXPRESSIONS.has(key) ? value.replace(/datetime\((-?\d+)\)/g, asText) : value;

  // A spreadsheet would run a text that begins like a formula: an apostrophe keeps it a text.
  const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
  const cell = function (value) {
    if (value === null || value === undefined) return "";
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    const safe = typeof value === "string" && /^[\s\u0000]*[=+\-@\uff0b\uff0d\uff1d\uff20]|^[\t\r\n]/.test(text) && !NUMBER.test(text) ? "'" + text : text;
    return /[",\r\n;]/.test(safe) ? '"' + safe.replace(/"/g, '""') + '"' : safe;
  };
  const csv = function (rows) {
    const names = [...new Set(rows.flatMap(Object.keys))];
    return "\ufeff" + [names, ...rows.map((row) => names.map((name) => row[name]))].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
  };
  const tables = function (spec) {
    const found = [];
    const keep = (values) => { if (Array.isArray(values) && values.length && values.every((row) => row && typeof row === "object")) found.push(values); };
    const walk = function (part) {
      if (!part || typeof part !== "object") return;
      if (part.data && part.data.values) keep(part.data.values);
      Object.entries(part).forEach(([key, inner]) => { if (key !== "data" && key !== "datasets") walk(inner); });
    };
    Object.values(spec.datasets || {}).forEach(keep);
    walk(spec);
    found.sort((a, b) => b.length - a.length);
    return found.filter((rows) => rows.length * 2 > found[0].length);   // the rest are reference lines and words
  };
  const offerData = function (figure, spec) {
    const menu = figure.querySelector(".vega-actions");
    tables(spec).forEach(function (rows, place, all) {
      const link = document.createElement("a");
      const number = all.length > 1 ? "-" + (place + 1) : "";
      link.textContent = "Save data" + (all.length > 1 ? " " + (place + 1) : "") + " as CSV";
      link.download = figure.id + number + ".csv";
      link.href = "#" + figure.id;
      link.addEventListener("click", function () {
        link.href = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv" }));
        setTimeout(() => URL.revokeObjectURL(link.href), 60000);
      });
      menu.append(link);
    });
  };

  document.querySelectorAll("figure.chart").forEach(async function (figure) {
    const target = figure.querySelector(".drawing");
    try {
      const spec = JSON.parse(figure.querySelector("script").textContent);
      await window.vegaEmbed(target, spec, {
        mode: "vega-lite", ast: true, renderer: "svg", downloadFileName: figure.id,
        patch: (compiled) => JSON.parse(JSON.stringify(compiled, mend)),
        actions: { export: { svg: true, png: true }, source: false, compiled: false, editor: false }
      });
      offerData(figure, spec);
      figure.querySelector("summary").setAttribute("aria-label", "Save this chart or its data: " + target.getAttribute("aria-label"));
      figure.querySelectorAll("[role=graphics-symbol]:not([aria-label])").forEach((marks) => marks.setAttribute("aria-hidden", "true"));
      figure.dataset.drawn = "yes";
      document.dispatchEvent(new Event("drawn"));
    } catch (error) {
      figure.dataset.drawn = "no";
      target.textContent = "This chart could not be drawn: " + error.message;
      console.error(error);
    }
  });
})();
