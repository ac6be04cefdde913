// One box for everything: a text becomes carriers, airports, routes, a flight or a day, to choose from.

import { byId, h } from "./dom.js";
import { bucket } from "./format.js";
import { namedLike, nameOf } from "./names.js";
import { inView, withOnly, withValue } from "./state.js";

const SHOWN = 8; // suggestions; a longer list is searched by typing on
const ROUTES = 6; // combinations of two texts, at most

let state = null; // what is looked at
export const searchIn = (current) => (state = current);

// `pick(state)` is called with what was chosen. `codes()`: { carriers, airports } of the data, or null.
export function setUpSearch(pick, codes) {
  const list = h("ul", { id: "found", role: "listbox", "aria-label": "Suggestions", hidden: true });
  const told = h("p", { id: "not-found", class: "missing", role: "status" });
  const input = h("input", {
    id: "search-text",
    type: "search",
    role: "combobox",
    "aria-expanded": "false",
    "aria-controls": "found",
    "aria-autocomplete": "list",
    "aria-describedby": "not-found",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "Carrier, airport, route, flight or day",
  });
  const box = { input, list, told, found: [], active: -1, known: null, asked: null, pick };
  input.addEventListener("focus", () => (box.asked = learn(box, codes)));
  input.addEventListener("input", () => suggest(box));
  input.addEventListener("keydown", (event) => onKey(box, event));
  input.addEventListener("blur", () => close(box));
  const form = byId("search");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const chosen = box.found[box.active];
    await box.asked; // without a choice: the first of those that the data has
    if (!chosen) suggest(box);
    choose(box, chosen ?? box.found[0]);
  });
  form.append(h("label", { for: input.id, class: "label" }, "Search"), input, list, told);
}

// What was typed before it was known may mean something else now.
async function learn(box, codes) {
  const isFirst = box.known === null;
  box.known = (await codes()) ?? box.known;
  const isTyped = box.input.value !== "" && document.activeElement === box.input;
  if (isFirst && box.known && isTyped && box.active < 0) suggest(box);
}

function suggest(box) {
  box.found = found(box.input.value, box.known).slice(0, SHOWN);
  box.active = -1;
  box.told.textContent = "";
  box.list.replaceChildren(
    ...box.found.map((one, index) => {
      const item = h("li", { id: `found-${index}`, role: "option", "aria-selected": "false" }, one.label);
      item.addEventListener("mousedown", (event) => {
        event.preventDefault(); // the box keeps the focus until it is chosen
        choose(box, one);
      });
      return item;
    }),
  );
  toggle(box, box.found.length > 0);
}

function onKey(box, event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape") return close(box);
  if (!step || !box.found.length) return;
  event.preventDefault();
  box.active = (box.active + step + box.found.length) % box.found.length;
  [...box.list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === box.active)));
  box.input.setAttribute("aria-activedescendant", `found-${box.active}`);
}

function choose(box, one) {
  const text = box.input.value.trim();
  if (!text) return;
  close(box);
  if (!one) return void (box.told.textContent = `No carrier, airport, route, flight or day here is called “${text}”.`);
  box.input.value = "";
  const current = state.view === "flight" ? inView(state, "flights") : { ...state, rows: "", cursor: "" };
  box.pick(one.apply(current));
}

const close = (box) => toggle(box, false);

function toggle({ input, list }, isOpen) {
  list.hidden = !isOpen;
  input.setAttribute("aria-expanded", String(isOpen));
  if (!isOpen) input.removeAttribute("aria-activedescendant");
}

// What a text may mean, most likely first: [{ label, apply(state) }].
function found(text, known) {
  const words = text.toLowerCase().split(/[\s→]+|-(?=[a-z])/).filter((word) => word && word !== "to");
  if (!words.length) return [];
  const carriers = namedLike("carrier", words, known?.carriers);
  const airports = namedLike("origin", words, known?.airports);
  const way = (label, name, code) => ({
    label: `${label} ${code} ${nameOf(name, code)}`.trim(),
    apply: (current) => withValue(current, name, code),
  });
  return [
    ...aDay(text),
    ...aFlight(text),
    ...carriers.map((code) => way("Carrier", "carrier", code)),
    ...routes(words, known),
    ...airports.flatMap((code) => [way("From", "origin", code), way("To", "destination", code)]),
  ];
}

function routes(words, known) {
  const pairs = words.slice(1).flatMap((_, index) => {
    const ends = [words.slice(0, index + 1), words.slice(index + 1)];
    const [from, to] = ends.map((part) => namedLike("origin", part, known?.airports).slice(0, 3));
    return from.flatMap((origin) => to.filter((code) => code !== origin).map((destination) => [origin, destination]));
  });
  return pairs.slice(0, ROUTES).map(([origin, destination]) => ({
    label: `Route ${origin} → ${destination} ${nameOf("origin", origin)} → ${nameOf("origin", destination)}`,
    apply: (current) => withOnly(withOnly(current, "origin", origin), "destination", destination),
  }));
}

function aFlight(text) {
  const [, carrier, number] = text.trim().toUpperCase().match(/^([A-Z][A-Z0-9]|[0-9][A-Z])\s*([1-9]\d{0,3})$/) ?? [];
  if (!carrier) return [];
  const apply = (current) =>
    withOnly(withOnly(inView(current, "flights"), "carrier", carrier), "flight_number", number);
  return [{ label: `Flights ${carrier} ${number}`, apply }];
}

// `2013-02-08`, `8 February 2013`, `Feb 8, 2013`.
function aDay(text) {
  const isDay = /^\d{4}-\d\d-\d\d$/.test(text.trim()) || (/[a-z]{3}/i.test(text) && /\b\d{1,2}\b.*\b\d{4}\b/.test(text));
  const time = isDay ? Date.parse(/-/.test(text) ? text.trim() : `${text} UTC`) : NaN;
  if (Number.isNaN(time)) return [];
  const day = new Date(time).toISOString().slice(0, 10);
  const apply = (current) => withOnly(withOnly(current, "date_from", day), "date_to", day);
  return [{ label: `Day ${bucket(day)}`, apply }];
}
