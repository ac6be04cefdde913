// What the numbers of the pages mean, once for all places that show them.

const ON_TIME = "less than 15 minutes late, early ones too, as the US DOT counts";

export const DEFINITIONS = {
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

export const definitionOf = (column) => DEFINITIONS[column]?.text ?? "";
