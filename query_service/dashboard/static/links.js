// From a number to the flights behind it.

import { datesOf, stepOf } from "./steps.js";
import { inView, valuesOf, writeState } from "./state.js";

const DEPARTED = ["departed", "arrived", "diverted"];
const STATUSES = {
  flights: null, // of any
  on_time_arrival_rate: ["arrived"],
  arrival_delay_mean: ["arrived"],
  arrival_delay_p90: ["arrived"],
  on_time_departure_rate: DEPARTED,
  cancellation_rate: ["cancelled"],
  diverted: ["diverted"],
};

// The link to the flights that `column` counts, of the groups `values` ([[filter, value], ...]) within the filters of
// the state; null where there are none by the filters alone.
export function flightsBehind(state, column, values = []) {
  const asked = valuesOf(state, "status");
  const counted = STATUSES[column] ?? null;
  const statuses = counted && asked.length ? counted.filter((status) => asked.includes(status)) : (counted ?? asked);
  if (counted && !statuses.length) return null;
  const replaced = ["status", ...values.map(([name]) => name)];
  const filters = [
    ...state.filters.filter(([name]) => !replaced.includes(name)),
    ...values,
    ...statuses.map((status) => ["status", status]),
  ];
  return writeState({ ...inView(state, "flights"), filters });
}

// The filters of a group: of a route, the dates of a step of time, or a value as it is.
export function filtersOf(state, group, value) {
  if (group === "route") {
    const [origin, destination] = value.split("-");
    return [
      ["origin", origin],
      ["destination", destination],
    ];
  }
  return stepOf(group) ? within(state, ...datesOf(group, value)) : [[group, value]];
}

// The filters of these dates, as far as they are those of the state. ISO dates compare as text.
export function within(state, from, to) {
  const first = valuesOf(state, "date_from")[0] ?? from;
  const last = valuesOf(state, "date_to")[0] ?? to;
  return [
    ["date_from", first > from ? first : from],
    ["date_to", last < to ? last : to],
  ];
}
