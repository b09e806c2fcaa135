"use strict";
const specs = JSON.parse(document.getElementById("specs").textContent);
const plots = {};
for (const [region, spec] of Object.entries(specs)) {
  plots[region] = document.getElementById("plot-" + region);
  Plotly.newPlot(plots[region], spec.data, spec.layout, {
    responsive: true,
    displaylogo: false,
    modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
    toImageButtonOptions: { filename: region, scale: 2 },
  });
}

// A sentence about one side brings that side's curve forward.
function bringForward(region, side) {
  for (const [name, plot] of Object.entries(plots)) {
    const faint = trace => name === region && side && trace.meta && trace.meta !== side;
    Plotly.restyle(plot, { opacity: plot.data.map(trace => (faint(trace) ? 0.2 : 1)) });
  }
}
for (const link of document.querySelectorAll("a[data-region]"))
  link.addEventListener("click", () => bringForward(link.dataset.region, link.dataset.side));

for (const box of document.querySelectorAll("input[data-hides]"))
  box.addEventListener("change", () => document.querySelector(".frames").classList.toggle(box.dataset.hides, !box.checked));
