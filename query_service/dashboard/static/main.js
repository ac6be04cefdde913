// The page: its URL is its state; a state asks the API and is drawn.

import { countAirports, describe } from "./about.js";
import { get, isPassing, Problem } from "./api.js";
import { drawAsk } from "./ask.js";
import { byId, h, replace } from "./dom.js";
import { extentOf, NOWHERE } from "./extent.js";
import { codesOf, drawFilters } from "./filters.js";
import { show } from "./format.js";
import { setUpGlossary } from "./glossary.js";
import { askForKey } from "./key.js";
import { follow } from "./live.js";
import { named } from "./names.js";
import { rooted } from "./root.js";
import { searchIn, setUpSearch } from "./search.js";
import { inView, pathOf, RESERVED, readState, writeState } from "./state.js";
import { clearTiles, compareTiles, drawGhosts, drawTiles } from "./tiles.js";
import { setUpTips } from "./tips.js";
import { BESIDE, CHOICES, tooFew, VIEWS } from "./views.js";

const LAKE_WITHIN_MS = 1_500; // the first look at a big lake may take longer than its statistics

let state = readState(location.search);
let extent = NOWHERE;
let loading = null; // the AbortController of the load under way
let isOutdated = false; // the lake changed while it was under way
let isOwed = false; // what is shown is not what the lake holds, as far as we know: the next look asks again
let changedAt = 0; // when the lake was listed as it is now, on the clock of the service
let shown = null; // the URL whose numbers are on the page

function go(next) {
  state = next;
  history.pushState(null, "", writeState(state));
  draw();
  load();
}

// Other filters: what was further down is no page of theirs.
const filter = (next) => go({ ...next, rows: "", cursor: "" });

function draw() {
  searchIn(state);
  drawFilters(state, extent, filter);
  byId("filters").hidden = Boolean(VIEWS[state.view]?.isOne);
  const current = VIEWS[state.view]?.tab ?? state.view;
  const link = ([id, view]) => {
    const href = writeState(inView(state, id));
    return h(
      "a",
      { href, "data-nav": true, "data-focus": `view ${id}`, "aria-current": id === current ? "page" : null },
      view.title,
    );
  };
  replace(byId("views"), Object.entries(VIEWS).filter(([, view]) => !view.tab).map(link));
  const view = VIEWS[state.view];
  document.title = `${view ? view.title : "?"} - Flights lakehouse`;
}

// Asks for what the state says. `quiet` keeps what is shown until the new numbers are there.
async function load({ quiet = false } = {}) {
  loading?.abort();
  isOutdated = isOwed = false;
  const mine = (loading = new AbortController());
  const wrong = wrongChoice();
  if (wrong) {
    fail(wrong, false);
    return done();
  }
  const view = VIEWS[state.view];
  const beside = view.beside ?? BESIDE;
  const questions = { [view.title]: view.question(state, extent), [beside.title]: beside.question(state) };
  const asked = { state, questions, url: writeState(state) };
  document.body.setAttribute("aria-busy", "true");
  if (!quiet) waiting();
  const onRetry = (problem, pause) => notice("waiting", `${problem.document.title}; trying again in ${pause} s.`);
  const ask = (q) => get(pathOf(state.filters, q), { signal: mine.signal, onRetry });
  try {
    const isNamed = state.view !== "time" || state.filters.length > 0; // no name is shown otherwise
    const [answers] = await Promise.all([Promise.all(Object.values(questions).map(ask)), isNamed && named()]);
    if (mine !== loading) return;
    isOwed = answers.some((answer) => Date.parse(answer.asOf) < changedAt); // of another instance, which lags
    arrived(asked, ...answers);
  } catch (error) {
    if (mine !== loading) return;
    mine.abort(); // the other of the two
    if (!(error instanceof Problem)) throw error;
    isOwed = isPassing(error.document);
    fail(error.document, quiet && shown === asked.url);
  } finally {
    if (mine === loading) done();
  }
}

function done() {
  loading = null;
  document.body.removeAttribute("aria-busy");
  named();
  if (isOutdated) refresh();
}

// Never ends a load that is under way: a lake that changes faster than it can be asked would never be shown.
function refresh() {
  isOutdated = loading !== null;
  if (!isOutdated) load({ quiet: true });
}

function wrongChoice() {
  const taken = state.filters.find(([filter]) => RESERVED.includes(filter));
  if (taken) return notForPages(...taken);
  const name = Object.keys(CHOICES).find((choice) => !CHOICES[choice].includes(state[choice]));
  if (!name) return null;
  const expected = `one of ${CHOICES[name].filter(Boolean).join(", ")}`;
  return {
    status: 422,
    title: "A parameter of this page is wrong",
    detail: `${name} is '${state[name]}'; it takes ${expected}.`,
    parameter: name,
    got: state[name],
    expected,
  };
}

// Left to the API it would make another question of some of those that a page asks, and their numbers look right.
function notForPages(parameter, got) {
  return {
    status: 422,
    title: "A parameter is the API's alone",
    detail: `${parameter} is set by the view; here it takes no value. Ask the API for it: /v1/stats?${parameter}=…`,
    parameter,
    got,
  };
}

function arrived(asked, rows, beside) {
  shown = asked.url;
  countAirports(rows.snapshot);
  document.body.classList.remove("fading");
  notice("");
  byId("key").hidden = true;
  const view = VIEWS[asked.state.view];
  if (view.isOne) clearTiles(byId("totals"));
  else drawTiles(byId("totals"), beside.body.data[0], asked.state, extent);
  const data = [rows.body.data].flat();
  const change = (part) => go({ ...asked.state, ...part });
  replace(
    byId("content"),
    h("h2", {}, view.title),
    data.length
      ? view.render(data, asked.state, change, asked.questions[view.title], rows.body, beside.body)
      : nothing(asked),
    footnote(rows),
    printed(asked.state.filters),
  );
  drawAsk(asked.state.filters, asked.questions, [rows.body, beside.body]);
}

function footnote(rows) {
  const time = rows.asOf ? `, as of ${rows.asOf.slice(0, 19).replace("T", " ")} UTC` : "";
  const cut = rows.body.truncated && !rows.body.next_cursor ? [`The first ${show("count", rows.body.data.length)} rows; there are more. `] : [];
  return h(
    "p",
    { class: "footnote" },
    cut,
    `Snapshot ${rows.snapshot ?? "?"} and its tail${time}. On time: less than 15 minutes late.`,
  );
}

// On paper there are no fields that say it.
function printed(filters) {
  const only = filters.map(([name, value]) => `${name} ${value}`).join(", ");
  return h("p", { class: "printed" }, only ? `Only: ${only}. ` : "All flights. ", location.href);
}

function nothing({ state: current, questions }) {
  const [question] = Object.values(questions);
  if (question.minFlights) return empty(tooFew(question), "Show all", { ...current, min_flights: "1" });
  if (current.filters.length) {
    return empty("No flight matches these filters.", "Clear the filters", { ...current, filters: [] });
  }
  return empty("There are no flights in the lake yet. They show up here seconds after they are published.");
}

function empty(text, label, next) {
  const button = h("button", { type: "button", "data-focus": "clear-empty", onclick: () => go(next) }, label);
  return h("div", { class: "empty" }, h("p", {}, text), label ? button : null);
}

// Numbers of the question before stay, faded, so that the page does not jump and the focus stays where it is.
function waiting() {
  shown = null;
  notice("");
  if (byId("content").querySelector("data")) {
    document.body.classList.add("fading");
    return;
  }
  drawGhosts(byId("totals"));
  replace(byId("content"), h("p", { class: "loading" }, "Loading"));
}

// With `keep` there are numbers on the page that were right a moment ago: they stay, and it is said.
function fail(problem, keep) {
  if (problem.status === 401) askForKey(restart);
  if (keep) return notice("waiting", `These numbers could not be refreshed: ${problem.title}.`);
  shown = null;
  document.body.classList.remove("fading");
  notice("");
  if (byId("content").querySelector("[role=alert]")?.dataset.text === problem.detail) return; // read aloud once
  const again = h("button", { type: "button", "data-focus": "again", onclick: () => load() }, "Try again");
  const names = { parameter: "Parameter", got: "Got", expected: "It takes" };
  const facts = Object.entries(names)
    .filter(([name]) => problem[name])
    .flatMap(([name, label]) => [h("dt", {}, label), h("dd", {}, problem[name])]);
  const kind = String(problem.type).split("#")[1]; // none where somebody else answered
  const meaning = kind ? h("p", {}, h("a", { href: rooted(`/problems#${kind}`) }, "What this problem means")) : null;
  clearTiles(byId("totals"));
  replace(byId("ask"));
  replace(
    byId("content"),
    h(
      "div",
      { class: "problem", role: "alert", "data-text": problem.detail },
      h("h2", {}, problem.title),
      h("p", {}, problem.detail),
      facts.length ? h("dl", {}, facts) : null,
      meaning,
      again,
    ),
  );
}

function notice(kind, text = "") {
  byId("notice").className = kind;
  byId("notice").textContent = text;
}

// Links between views stay on the page, and still open in a new tab when that is asked for.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-nav]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(readState(new URL(link.href).search));
});
addEventListener("popstate", () => {
  state = readState(location.search);
  draw();
  load();
});

function spread(found, lake) {
  extent = found;
  describe(lake, extent);
  compareTiles(extent);
  const isUsed = byId("filters").contains(document.activeElement); // what is being typed stays
  if (!isUsed) drawFilters(state, extent, filter);
}

// Those that the lake has flights of; null where that cannot be had: then all that have a name.
async function codes() {
  const [carriers, origins, destinations] = await Promise.all(
    ["carrier", "origin", "destination"].map((name) => codesOf([], name)),
  );
  return carriers && origins && destinations && { carriers, airports: [...new Set([...origins, ...destinations])] };
}

let look = () => {};
function restart() {
  look();
  load();
}

if (matchMedia("(max-width: 640px)").matches) byId("filters").open = false;
setUpSearch(go, codes);
setUpTips();
setUpGlossary();
draw();
waiting();
let isStarted = false;
const first = new Promise((resolve) => {
  look = follow(
    (lake, isNew) => {
      describe(lake);
      if (isNew) changedAt = Date.parse(lake.listed_at);
      if (isNew || extent.last === null) {
        extentOf(lake).then((found) => spread(found, lake)).then(resolve);
      }
      if (isStarted && (isNew || isOwed)) refresh();
    },
    () => (askForKey(restart), resolve()),
  );
});
await Promise.race([first, new Promise((resolve) => setTimeout(resolve, LAKE_WITHIN_MS))]);
draw();
isStarted = true;
load();
