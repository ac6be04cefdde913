// The fields of the filters: what is set are chips that can be taken away, what can be set is suggested by the data.

import { get } from "./api.js";
import { byId, h, replace } from "./dom.js";
import { bucket, clock, shortMonth, WEEKDAYS } from "./format.js";
import { named, namedLike, nameOf } from "./names.js";
import { DATES, statsPath, valuesOf, WIDGETS, withOnly, withoutValue, withValue } from "./state.js";
import { datesOf } from "./steps.js";

const LABELS = {
  carrier: "Carrier",
  origin: "From",
  destination: "To",
  status: "Status",
  date_from: "First day",
  date_to: "Last day",
};
const STATUSES = ["scheduled", "departed", "arrived", "cancelled", "diverted"];
const PERIODS = { 7: "7 days", 30: "30 days", 90: "90 days" };
const MOST_SUGGESTED = 1000; // codes of one field; a longer list nobody reads

// `change(state)` is called with the new state. `extent` is what the lake has flights of.
export function drawFilters(state, extent, change) {
  const count = state.filters.length;
  const rest = state.filters.filter(([name]) => ![...WIDGETS, ...DATES].includes(name));
  const form = h(
    "form",
    { onsubmit: (event) => event.preventDefault() },
    DATES.map((name) => dateField(state, name, change)),
    WIDGETS.map((name) => codeField(state, name, change)),
    rest.length
      ? h(
          "div",
          { class: "field" },
          h("span", { class: "label" }, "Other"),
          h(
            "div",
            { class: "box" },
            rest.map(([n, v]) => chip(state, n, v, wordsOf(n, v), change)),
          ),
        )
      : null,
    h("div", { class: "periods" }, periods(state, extent, change), count ? clear(state, change) : null),
  );
  replace(byId("filters"), h("summary", { "data-focus": "filters" }, count ? `Filters (${count})` : "Filters"), form);
}

function wordsOf(name, value) {
  if (name === "weekday") return WEEKDAYS[value - 1] ?? `${name} ${value}`;
  return name === "hour" ? clock(value) : `${name} ${value}`;
}

function dateField(state, name, change) {
  const value = valuesOf(state, name)[0] ?? "";
  const input = h("input", {
    type: "date",
    id: `filter-${name}`,
    "data-focus": name,
    min: "1980-01-01",
    max: "2100-12-31",
    value,
  });
  // A year that is being typed is a date too, of the year 2 and the year 20.
  input.addEventListener(
    "change",
    () => input.checkValidity() && input.value !== value && change(withOnly(state, name, input.value)),
  );
  return h("div", { class: "field date" }, h("label", { for: input.id, class: "label" }, LABELS[name]), input);
}

function codeField(state, name, change) {
  const list = h("datalist", { id: `codes-${name}` });
  const input = h("input", {
    id: `filter-${name}`,
    "data-focus": name,
    list: list.id,
    autocomplete: "off",
    autocapitalize: "characters",
    spellcheck: "false",
    size: "6",
  });
  const values = valuesOf(state, name);
  input.placeholder = values.length ? "" : "All";
  const told = h("span", { class: "missing", role: "status", id: `told-${name}` });
  input.setAttribute("aria-describedby", told.id);
  let suggested = null; // a promise of the codes of the data
  const add = async () => {
    const text = input.value.trim();
    const { code, told: said } = meantBy(text, name) ?? namedBy(text, name, (await suggested) ?? []);
    if (!input.isConnected || input.value.trim() !== text) return; // it was typed on
    told.textContent = said ?? "";
    if (code) change(withValue(state, name, code));
  };
  input.addEventListener("change", add);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Backspace" && !input.value && values.length) change(withoutValue(state, name, values.at(-1)));
  });
  input.addEventListener("focus", () => (suggested = suggest(state, name, list)), { once: true });
  const chips = values.map((value) => chip(state, name, value, value, change));
  return h(
    "div",
    { class: "field" },
    h("label", { for: input.id, class: "label" }, LABELS[name]),
    h("div", { class: "box" }, chips, input, list),
    told,
  );
}

const CODES = { carrier: /^[A-Z0-9]{2,3}$/, origin: /^[A-Z0-9]{3,4}$/, destination: /^[A-Z0-9]{3,4}$/ };

const NOUNS = { carrier: "carrier", origin: "airport", destination: "airport", status: "status" };
const TOLD_MOST = 4; // codes of a name that is not one's alone

const wordsIn = (text) => text.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean);

// { code } of what says it by itself: `ua`, `UA`, and what a suggestion shows (`UA United ...`).
// Null where names decide.
function meantBy(text, name) {
  const [first = "", ...rest] = wordsIn(text);
  if (!first) return {};
  if (name === "status") return STATUSES.includes(first) ? { code: first } : none(text, name);
  const code = first.toUpperCase();
  const full = nameOf(name, code).toLowerCase();
  return full && rest.every((word) => full.includes(word)) ? { code } : null;
}

// { code } of a name, like `united`, or of a code that has none; else { told }: that it is nobody's,
// or several have it. `known` are the codes of the data, which come before others.
function namedBy(text, name, known) {
  const words = wordsIn(text);
  const code = text.toUpperCase();
  if (known.includes(code)) return { code };
  const found = alike(name, words, known);
  if (found.length === 1) return { code: found[0] };
  if (!found.length) return CODES[name].test(code) ? { code } : none(text, name);
  const several = found.slice(0, TOLD_MOST).map((each) => `${each} ${nameOf(name, each)}`).join("; ");
  const more = found.length > TOLD_MOST ? `; and ${found.length - TOLD_MOST} more` : "";
  return { told: `Several ${NOUNS[name]}s are called “${text}”: ${several}${more}. Type the code of one.` };
}

const none = (text, name) => ({ told: `No ${NOUNS[name]} here is called “${text}”.` });

// Reno is a name, which Moreno has in it too.
function alike(name, words, known) {
  const inData = namedLike(name, words, known);
  const codes = inData.length ? inData : namedLike(name, words);
  const wholly = codes.filter((code) => words.every((word) => wordsIn(nameOf(name, code)).includes(word)));
  return wholly.length ? wholly : codes;
}

function chip(state, name, value, text, change) {
  const label = `Remove ${LABELS[name] ? `${LABELS[name]} ${value}` : text}`;
  const full = nameOf(name, value);
  return h(
    "button",
    {
      type: "button",
      class: "chip",
      title: full || null,
      "aria-label": label,
      "data-focus": `${name} ${value}`,
      onclick: () => change(withoutValue(state, name, value)),
    },
    text,
    h("span", { "aria-hidden": "true" }, "×"),
  );
}

async function suggest(state, name, list) {
  const dates = state.filters.filter(([n]) => DATES.includes(n));
  const codes = name === "status" ? STATUSES : ((await codesOf(dates, name)) ?? []);
  list.replaceChildren(...codes.map((code) => h("option", { value: code }, nameOf(name, code))));
  return codes;
}

// Of one field, most flights first; null where they cannot be had.
export async function codesOf(dates, name) {
  try {
    const path = statsPath(dates, { groupBy: [name], orderBy: "-flights", limit: MOST_SUGGESTED });
    const [answer] = await Promise.all([get(path, { retries: 0 }), named()]);
    return answer.body.data.map((row) => row[name]);
  } catch {
    return null; // codes can be typed without
  }
}

// The last days and months that there are flights of, as dates: the link shows the same days tomorrow.
function periods(state, { months, last }, change) {
  if (!last) return [];
  const button = (from, to, focus, label, title) => {
    const pressed = valuesOf(state, "date_from")[0] === from && valuesOf(state, "date_to")[0] === to;
    const onclick = () => change(withOnly(withOnly(state, "date_from", from), "date_to", to));
    return h("button", { type: "button", "aria-pressed": String(pressed), "data-focus": focus, title, onclick }, label);
  };
  const lastDays = ([days, label]) => button(daysBefore(last, days - 1), last, `last ${days}`, label);
  const aMonth = (month) => button(...datesOf("month", month), `month ${month}`, shortMonth(month), bucket(month));
  const group = (name, label, buttons) =>
    h("div", { class: "segments", role: "group", "aria-label": name }, h("span", { class: "label" }, label), buttons);
  return [
    group("Last days with data", "Last", Object.entries(PERIODS).map(lastDays)),
    toolbar(group("Last months with data", "Month", monthsTo(last).filter((month) => month >= (months[0] ?? month)).map(aMonth))),
  ];
}

// One stop of the Tab key for all buttons of a group; the arrow keys go between them.
function toolbar(group) {
  const buttons = [...group.querySelectorAll("button")];
  const stop = Math.max(0, buttons.findIndex((button) => button.getAttribute("aria-pressed") === "true"));
  buttons.forEach((button, index) => (button.tabIndex = index === stop ? 0 : -1));
  group.setAttribute("role", "toolbar");
  group.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) buttons[buttons.indexOf(document.activeElement) + step]?.focus();
  });
  return group;
}

const daysBefore = (date, days) =>
  new Date(Date.parse(`${date}T00:00Z`) - days * 86_400_000).toISOString().slice(0, 10);

// The twelve months up to that of `date`, the earliest first.
function monthsTo(date) {
  const [year, month] = date.split("-").map(Number);
  return Array.from({ length: 12 }, (_, i) => new Date(Date.UTC(year, month - 12 + i)).toISOString().slice(0, 7));
}

function clear(state, change) {
  return h(
    "button",
    { type: "button", class: "link", "data-focus": "clear", onclick: () => change({ ...state, filters: [] }) },
    "Clear all",
  );
}
