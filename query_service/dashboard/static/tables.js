// Rows of an answer as a table: numbers to the right, a thin bar below them, headers that order.

import { definitionOf } from "./definitions.js";
import { h } from "./dom.js";
import { show } from "./format.js";
import { tone } from "./goodness.js";

// In the order of the screen; `phone: false` is left out where there is no room.
export const COLUMNS = [
  { key: "flights", label: "Flights", kind: "count", bar: true },
  {
    key: "on_time_arrival_rate",
    label: "On time",
    kind: "rate",
    bar: true,
    most: 1,
  },
  { key: "on_time_departure_rate", label: "Departed on time", kind: "rate", bar: true, most: 1, phone: false },
  {
    key: "arrival_delay_mean",
    label: "Mean delay",
    kind: "mean",
    unit: "min",
    bar: true,
  },
  {
    key: "arrival_delay_p90",
    label: "9 in 10 within",
    kind: "minutes",
    unit: "min",
    phone: false,
  },
  { key: "cancellation_rate", label: "Cancelled", kind: "rate", bar: true },
];

// `first`: { key, label, cell(row) }. With `onOrder` the headers are buttons. `linkOf(row, column)`: where a number leads.
export function statsTable({ rows, caption, first, order, onOrder, linkOf, css }) {
  const spans = Object.fromEntries(COLUMNS.map((c) => [c.key, spanOf(c, rows)]));
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption, "data-focus": caption },
    h(
      "table",
      { class: css },
      h("caption", {}, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          header(first, order, onOrder),
          COLUMNS.map((c) => header(c, order, onOrder)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, first.cell(row)),
            COLUMNS.map((c) => cell(c, row, spans[c.key], linkOf(row, c.key))),
          ),
        ),
      ),
    ),
  );
}

// A head of a column; with `onOrder` a button that orders by it.
export function header(column, order, onOrder) {
  const label = column.unit ? [column.label, " ", h("small", {}, column.unit)] : [column.label];
  const css = `${column.kind ? "number" : ""} ${column.phone === false ? "wide" : ""}`;
  const current = column.key !== undefined && order?.replace(/^-/, "") === column.key;
  const sort = current ? (order.startsWith("-") ? "descending" : "ascending") : null;
  const attributes = { scope: "col", class: css, "aria-sort": sort, "data-tip": definitionOf(column.key) };
  if (!onOrder) return h("th", attributes, attributes["data-tip"] ? reached(column.key, label) : label);
  const next = current ? flipped(order) : column.kind ? `-${column.key}` : column.key;
  return h(
    "th",
    attributes,
    h("button", { type: "button", "data-focus": `order ${column.key}`, onclick: () => onOrder(next) }, label),
  );
}

// What is no button has to be reached by keys too, for its explanation.
const reached = (key, label) => h("span", { tabindex: "0", "data-focus": `head ${key}` }, label);

const flipped = (order) => (order.startsWith("-") ? order.slice(1) : `-${order}`);

// What the bars of a column are drawn on: it has 0 in it, so that what is early goes to the other side.
function spanOf(column, rows) {
  const values = rows.map((row) => row[column.key] ?? 0);
  return { low: Math.min(0, ...values), high: column.most ?? Math.max(0, ...values) };
}

function cell(column, row, { low, high }, href) {
  const value = row[column.key];
  const td = h(
    "td",
    { class: column.phone === false ? "number wide" : "number", "data-column": column.key },
    linked(href, datum(column.kind, value)),
  );
  if (column.bar && high > low) td.append(track(column.key, value ?? 0, low, high));
  return td;
}

function track(key, value, low, high) {
  const percent = (part) => `${(part / (high - low)) * 100}%`;
  const bar = h("span", { class: `bar ${tone(key, value)}` });
  bar.style.width = percent(Math.abs(value));
  bar.style.marginLeft = percent(Math.min(0, value) - low);
  const zero = low < 0 ? h("span", { class: "zero" }) : null;
  if (zero) zero.style.left = percent(-low);
  return h("span", { class: "track", "aria-hidden": "true" }, bar, zero);
}

// A number that leads to its flights; text where there are none.
export const linked = (href, child) =>
  href && child instanceof Element ? h("a", { href, "data-nav": true, class: "number-link" }, child) : child;

// The text that is read, and the exact value for whoever takes it from the page.
export function datum(kind, value) {
  return value === null || value === undefined
    ? show(kind, value)
    : h("data", { value: String(value) }, show(kind, value));
}
