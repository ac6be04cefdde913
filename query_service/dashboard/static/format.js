// Values as people read them. Always English, so that a link shows everybody the same page.

const COUNT = new Intl.NumberFormat("en");
const RATE = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const MEAN = new Intl.NumberFormat("en", {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
  signDisplay: "negative",
});
const DAY = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", timeZone: "UTC" });
const SHORT_MONTH = new Intl.DateTimeFormat("en", { month: "short", year: "numeric", timeZone: "UTC" });
const YEAR = new Intl.DateTimeFormat("en", { year: "numeric", timeZone: "UTC" });
const WEEKDAY_DAY = new Intl.DateTimeFormat("en", {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
  timeZone: "UTC",
});
const SHORT_DAY = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const MONTH = new Intl.DateTimeFormat("en", { month: "long", year: "numeric", timeZone: "UTC" });

export const UNKNOWN = "–";
export const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

// A full hour, as a clock shows it.
export const clock = (hour) => `${String(hour).padStart(2, "0")}:00`;

const KINDS = {
  count: (value) => COUNT.format(value),
  rate: (value) => RATE.format(value),
  mean: (value) => MEAN.format(value),
  minutes: (value) => COUNT.format(value),
};

const SIGNED = {
  mean: new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: "exceptZero" }),
  minutes: new Intl.NumberFormat("en", { signDisplay: "exceptZero" }),
};

export const show = (kind, value) => (value === null || value === undefined ? UNKNOWN : KINDS[kind](value));
// A difference, with its sign; what rounds to nothing has none.
export const signed = (kind, value) => SIGNED[kind].format(value);
export const dayLabel = (seconds) => DAY.format(new Date(seconds * 1000));
export const monthLabel = (seconds) => SHORT_MONTH.format(new Date(seconds * 1000));

const MONTH_ALONE = new Intl.DateTimeFormat("en", { month: "short", timeZone: "UTC" });
export const shortMonth = (text) => MONTH_ALONE.format(new Date(`${text}-01T00:00Z`));

export const yearLabel = (seconds) => YEAR.format(new Date(seconds * 1000));

// A flight date or a month of the API, in words.
export function bucket(text) {
  return text.length === 7
    ? MONTH.format(new Date(`${text}-01T00:00Z`))
    : WEEKDAY_DAY.format(new Date(`${text}T00:00Z`));
}

// From one flight date to another, in words.
export function dates(from, to) {
  const words = (date) => SHORT_DAY.format(new Date(`${date}T00:00Z`));
  return from === to ? words(from) : `${words(from)} to ${words(to)}`;
}

// A time of the API to the minute, without its zone: all are UTC.
export const moment = (text) => (text === null ? UNKNOWN : new Date(text).toISOString().slice(0, 16).replace("T", " "));

export function age(seconds) {
  const s = Math.max(0, seconds);
  if (s < 100) return `${Math.round(s)} s`;
  if (s < 100 * 60) return `${Math.round(s / 60)} min`;
  if (s < 48 * 3600) return `${Math.round(s / 3600)} h`;
  if (s < 730 * 86400) return `${COUNT.format(Math.round(s / 86400))} days`;
  return `${Math.round(s / 86400 / 365.25)} years`;
}
