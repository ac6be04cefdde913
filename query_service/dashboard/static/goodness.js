// How good a number is. Fixed steps, so that two pages can be compared: it is as bad as the steps that it is beyond.

const STEPS = {
  on_time_departure_rate: { worse: "below", at: [0.9, 0.85, 0.8, 0.7, 0.6] },
  on_time_arrival_rate: { worse: "below", at: [0.9, 0.85, 0.8, 0.7, 0.6] },
  arrival_delay_mean: { worse: "above", at: [0, 5, 10, 20, 30] },
  arrival_delay_p90: { worse: "above", at: [15, 30, 45, 60, 90] },
  cancellation_rate: { worse: "above", at: [0.01, 0.02, 0.03, 0.05, 0.08] },
};

// 0 (good) to 5 (bad).
export function level(column, value) {
  const { worse, at } = STEPS[column];
  return at.filter((step) => (worse === "below" ? value < step : value > step)).length;
}

// The steps of a column, from good to bad: { worse: "below" or "above", at }.
export const levels = (column) => STEPS[column];

// The colour of a bar; "accent" where more is neither better nor worse.
export const tone = (column, value) =>
  column in STEPS ? ["good", "good", "good", "warm", "bad", "bad"][level(column, value)] : "accent";

export const isBetterHigh = (column) => STEPS[column].worse === "below";

// Whether more of it is better or worse at all.
export const hasGoodness = (column) => column in STEPS;
