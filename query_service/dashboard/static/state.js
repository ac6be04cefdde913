// The URL of the page <-> what is looked at. All of a view is in its URL, so that it can be sent as a link.

import { ROOT } from "./root.js";

export const WIDGETS = ["carrier", "origin", "destination", "status"]; // filters with a field of their own
export const DATES = ["date_from", "date_to"];
export const MOST_ROWS = 10_000; // of statistics that the API gives; days since 1999
// The API's own, which a view sets or has to go without.
export const RESERVED = [
  ...["group_by", "order_by", "limit", "snapshot", "format", "escape_formulas"],
  ...["on_time_minutes", "columns", "delay", "delay_min", "delay_max"],
];
// And their defaults.
const OWN = {
  ...{ view: "time", by: "", compare: "", zoomed_from: "", side: "", order: "", metric: "" },
  ...{ min_flights: "", rows: "", cursor: "", flight: "" },
};
const CODES = ["carrier", "origin", "destination"]; // capital letters, as the API reads them
const LISTS = [...CODES, "status", "tail_number", "flight_number", "weekday", "hour"]; // commas separate their values, as in the API

// What is not the page's own goes to the API as it is: a filter that is misspelt is answered by a problem that names
// it, and not by numbers that look right.
export function readState(search) {
  const state = { ...OWN, filters: [] };
  for (const [name, value] of new URLSearchParams(search)) {
    if (name in OWN) state[name] = value;
    else for (const each of valuesIn(name, value)) add(state.filters, name, each);
  }
  return state;
}

function valuesIn(name, text) {
  if (!LISTS.includes(name)) return [text];
  return (CODES.includes(name) ? text.toUpperCase() : text).split(",");
}

function add(filters, name, value) {
  const isThere = LISTS.includes(name) && filters.some(([n, v]) => n === name && v === value);
  if (!isThere) filters.push([name, value]);
}

export function writeState(state) {
  const own = Object.keys(OWN).filter((name) => state[name] !== OWN[name]);
  const query = encode([...own.map((name) => [name, state[name]]), ...state.filters]);
  return query ? `${ROOT}?${query}` : ROOT;
}

export const valuesOf = (state, name) => state.filters.filter(([n]) => n === name).map(([, value]) => value);

export function withValue(state, name, value) {
  return valuesOf(state, name).includes(value) ? state : { ...state, filters: [...state.filters, [name, value]] };
}

export function withoutValue(state, name, value) {
  return { ...state, filters: state.filters.filter(([n, v]) => n !== name || v !== value) };
}

export function withOnly(state, name, value) {
  const others = state.filters.filter(([n]) => n !== name);
  return { ...state, filters: value ? [...others, [name, value]] : others };
}

// Only these dates, and in the URL those that were asked for before the first zoom: "2013-01-01..", or "..".
export function zoomed(state, dates) {
  const before = DATES.map((name) => valuesOf(state, name)[0] ?? "").join("..");
  const others = state.filters.filter(([name]) => !DATES.includes(name));
  return { ...state, by: "", zoomed_from: state.zoomed_from || before, filters: [...others, ...dates] };
}

// The dates before the first zoom as { from, to, state }; null where none is zoomed into.
export function beforeZoom(state) {
  const found = state.zoomed_from.match(/^(\d{4}-\d\d-\d\d)?\.\.(\d{4}-\d\d-\d\d)?$/);
  if (!found || !DATES.some((name) => valuesOf(state, name).length)) return null;
  const [, from = "", to = ""] = found;
  const wide = withOnly(withOnly({ ...state, by: "", zoomed_from: "" }, "date_from", from), "date_to", to);
  return { from, to, state: wide };
}

// The same filters in another view, which has an order of its own.
export const inView = (state, view) => ({ ...state, view, order: "", min_flights: "", rows: "", cursor: "", flight: "" });

// The path of a question: of one flight or of its events by its id, of a page of flights, or of statistics.
export function pathOf(filters, question) {
  if (question.flight !== undefined) return `/v1/flights/${encodeURIComponent(question.flight)}`;
  if (question.events !== undefined) return eventsPath(question.events, filters);
  if (question.cursor === undefined) return statsPath(filters, question);
  const order = question.orderBy ? [["order_by", question.orderBy]] : [];
  const page = [...order, ["limit", String(question.limit)], ...(question.cursor ? [["cursor", question.cursor]] : [])];
  return `/v1/flights?${encode([...filters, ...page])}`;
}

// Filters are of many flights; what is left says how to write the answer.
function eventsPath(id, filters) {
  const query = encode(filters.filter(([name]) => RESERVED.includes(name)));
  return `/v1/flights/${encodeURIComponent(id)}/events${query ? `?${query}` : ""}`;
}

// A question of statistics is { groupBy: [...], orderBy: "...", minFlights: text or none, limit: number or null }.
export function statsPath(filters, question) {
  const pairs = [...filters];
  if (question.groupBy.length) pairs.push(["group_by", question.groupBy.join(",")]);
  if (question.orderBy) pairs.push(["order_by", question.orderBy]);
  if (question.minFlights) pairs.push(["min_flights", question.minFlights]);
  if (question.limit) pairs.push(["limit", String(question.limit)]);
  const query = encode(pairs);
  return query ? `/v1/stats?${query}` : "/v1/stats";
}

// Commas stay readable.
const encode = (pairs) => new URLSearchParams(pairs).toString().replaceAll("%2C", ",");
