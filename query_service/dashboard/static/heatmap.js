// Weekdays by hour of scheduled departure: a table whose cells are also coloured.

import { h } from "./dom.js";
import { clock, show, WEEKDAYS } from "./format.js";
import { level } from "./goodness.js";
import { datum, linked } from "./tables.js";

export const HEAT_METRICS = {
  on_time_departure_rate: "Departed on time",
  arrival_delay_mean: "Mean arrival delay",
  cancellation_rate: "Cancelled",
};

export const METRIC_KINDS = { on_time_departure_rate: "rate", arrival_delay_mean: "mean", cancellation_rate: "rate" };

// `linkOf(row)`: where a number leads.
export function heatmap(rows, metric, linkOf) {
  const at = new Map(rows.map((row) => [`${row.weekday} ${row.hour}`, row]));
  const hours = [...new Set(rows.map((row) => row.hour))].sort((a, b) => a - b);
  const cell = (row) => {
    const value = row?.[metric] ?? null;
    const css = value === null ? "number" : `number heat-${level(metric, value)}`;
    return h(
      "td",
      { class: css, title: row && `${show("count", row.flights)} flights` },
      row ? linked(linkOf(row), datum(METRIC_KINDS[metric], value)) : "",
    );
  };
  const line = (hour) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, clock(hour)),
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
