// Weekdays by hour of scheduled departure: a table whose cells are also coloured.

import { h } from "./dom.js";
import { show, WEEKDAYS } from "./format.js";
import { datum } from "./tables.js";

export const HEAT_METRICS = {
  on_time_departure_rate: "Departed on time",
  arrival_delay_mean: "Mean arrival delay",
  cancellation_rate: "Cancelled",
};

// Fixed steps, so that two pages can be compared. A cell is as bad as the number of steps that it is beyond.
const STEPS = {
  on_time_departure_rate: { kind: "rate", worse: "below", at: [0.9, 0.85, 0.8, 0.7, 0.6] },
  arrival_delay_mean: { kind: "mean", worse: "above", at: [0, 5, 10, 20, 30] },
  cancellation_rate: { kind: "rate", worse: "above", at: [0.01, 0.02, 0.03, 0.05, 0.08] },
};

export function heatmap(rows, metric) {
  const steps = STEPS[metric];
  const at = new Map(rows.map((row) => [`${row.weekday} ${row.hour}`, row]));
  const hours = [...new Set(rows.map((row) => row.hour))].sort((a, b) => a - b);
  const level = (value) => steps.at.filter((step) => (steps.worse === "below" ? value < step : value > step)).length;
  const cell = (row) => {
    const value = row?.[metric] ?? null;
    const css = value === null ? "number" : `number heat-${level(value)}`;
    return h(
      "td",
      { class: css, title: row && `${show("count", row.flights)} flights` },
      row ? datum(steps.kind, value) : "",
    );
  };
  const line = (hour) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, `${String(hour).padStart(2, "0")}:00`),
      WEEKDAYS.map((_, i) => cell(at.get(`${i + 1} ${hour}`))),
    );
  const caption = `${HEAT_METRICS[metric]}, by weekday and hour of scheduled departure (local time)`;
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption, "data-focus": caption },
    h(
      "table",
      { class: "heat" },
      h("caption", {}, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, "Hour"),
          WEEKDAYS.map((name) =>
            h("th", { scope: "col", class: "number" }, h("abbr", { title: name }, name.slice(0, 3))),
          ),
        ),
      ),
      h("tbody", {}, hours.map(line)),
    ),
  );
}
