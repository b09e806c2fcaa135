"use strict";
const body = document.querySelector("#clips tbody");
const value = (row, column) => {
  const text = row.cells[column].dataset.value;
  return text === "" || isNaN(text) ? text : Number(text);
};
document.querySelectorAll("#clips th button").forEach((button, column) =>
  button.addEventListener("click", () => {
    const up = button.dataset.up !== "1";
    document.querySelectorAll("#clips th button").forEach(other => delete other.dataset.up);
    button.dataset.up = up ? "1" : "0";
    const order = (a, b) => {
      const [x, y] = [value(a, column), value(b, column)];
      if (x === "" || y === "") return (x === "") - (y === "");
      return (x > y ? 1 : x < y ? -1 : 0) * (up ? 1 : -1);
    };
    [...body.rows].sort(order).forEach(row => body.append(row));
  })
);
