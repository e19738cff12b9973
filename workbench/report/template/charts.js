(function () {
  "use strict";
  document.querySelectorAll("figure.chart").forEach(async function (figure) {
    const target = figure.querySelector(".drawing");
    try {
      const spec = JSON.parse(figure.querySelector("script").textContent);
      await window.vegaEmbed(target, spec, {
        mode: "vega-lite", ast: true, renderer: "svg", downloadFileName: figure.id,
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
