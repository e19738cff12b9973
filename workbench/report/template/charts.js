(function () {
  "use strict";
  // Vega's interpreter reads datetime(milliseconds) as a year, and the chart comes out empty: it gets the same moment as text.
  const EXPRESSIONS = new Set(["signal", "expr", "update", "test", "init"]);
  const asText = (call, milliseconds) => "datetime('" + new Date(Number(milliseconds)).toISOString() + "')";
  const mend = (key, value) => typeof value === "string" && EXPRESSIONS.has(key) ? value.replace(/datetime\((-?\d+)\)/g, asText) : value;
  document.querySelectorAll("figure.chart").forEach(async function (figure) {
    const target = figure.querySelector(".drawing");
    try {
      const spec = JSON.parse(figure.querySelector("script").textContent);
      await window.vegaEmbed(target, spec, {
        mode: "vega-lite", ast: true, renderer: "svg", downloadFileName: figure.id,
        patch: (compiled) => JSON.parse(JSON.stringify(compiled, mend)),
        actions: { export: { svg: true, png: true }, source: false, compiled: false, editor: false }
      });
      figure.dataset.drawn = "yes";
    } catch (error) {
      figure.dataset.drawn = "no";
      target.textContent = "This chart could not be drawn: " + error.message;
      console.error(error);
    }
  });
})();
