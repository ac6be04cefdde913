// What the numbers of the pages mean, once for all places that show them.

const ON_TIME = "less than 15 minutes late, early ones too, as the US DOT counts";

const TOTALS = {
  flights: {
    label: "Flights",
    text: "Flights that match, each once in its newest state, by the local date of departure. Withdrawn flights and probes do not count.",
  },
  on_time_arrival_rate: { label: "Arrived on time", text: `Of the arrived flights whose arrival delay is known: those ${ON_TIME}.` },
  on_time_departure_rate: {
    label: "Departed on time",
    text: `Of the flights that left and whose departure delay is known: those ${ON_TIME}.`,
  },
  arrival_delay_mean: {
    label: "Mean arrival delay",
    text: "The mean of the known arrival delays of arrived flights, in minutes. Early is negative and evens out late.",
  },
  arrival_delay_p90: {
    label: "9 in 10 arrive within",
    text: "So many minutes late were 9 in 10 arrived flights at most: the 90th percentile of the known arrival delays.",
  },
  cancellation_rate: { label: "Cancelled", text: "Cancelled flights, of all flights that match." },
  diverted: { label: "Diverted", text: "Flights that landed at another airport than planned." },
};

const FLIGHT = {
  departure_delay_minutes: {
    label: "Departed late",
    text: "Minutes from scheduled to actual departure; early is negative. Unknown until it is said.",
  },
  arrival_delay_minutes: {
    label: "Arrived late",
    text: "Minutes from scheduled to actual arrival; early is negative. Unknown until it is said.",
  },
};

const LAKE = {
  snapshot: { label: "Snapshot", text: "How often the lake's files were merged; each answer names the one that it is of." },
  tail: { label: "In the tail", text: "Rows that have landed since that snapshot. They count in every number at once." },
  published: { label: "Newest published", text: "How long ago the newest message that is counted was published." },
  event: { label: "Newest event", text: "How long ago the newest state of a flight happened, as its publisher says." },
};

// By the column of the API, or the fact of the header.
export const DEFINITIONS = { ...TOTALS, ...FLIGHT, ...LAKE };

// Null where there is none.
export const definitionOf = (column) => DEFINITIONS[column]?.text ?? null;
