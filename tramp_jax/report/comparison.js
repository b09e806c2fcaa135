"use strict";
const specs = JSON.parse(document.getElementById("specs").textContent);
for (const [name, spec] of Object.entries(specs))
  Plotly.newPlot(document.getElementById("plot-" + name), spec.data, spec.layout, {
    responsive: true,
    displaylogo: false,
    modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
    toImageButtonOptions: { filename: name, scale: 2 },
  });
