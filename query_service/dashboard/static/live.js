// What the lake holds, looked at every few seconds while somebody sees the page.

import { get, Problem } from "./api.js";
import { definitionOf } from "./definitions.js";
import { byId, h, replace } from "./dom.js";
import { age, show } from "./format.js";

const EVERY_MS = 5_000; // as fresh as writers are; the service lists its lake once a second at most anyway
const SIGN_EVERY_MS = 1_000; // with the next limit: a service that is gone is said to be so within 3 s
const SIGN_WITHIN_MS = 1_900;

let lake = null;
let receivedAt = 0;
let problem = null; // of the last look
let silence = null; // the problem of the last sign of life
let timer = 0;

// Calls `onLook(lake, isNew)` after each look that succeeds, `onLocked()` when a key is asked for.
export function follow(onLook, onLocked) {
  const look = async () => {
    clearTimeout(timer);
    if (document.hidden) return draw();
    try {
      const found = (await get("/v1/lake", { retries: 0 })).body;
      const isNew = lake === null || identity(found) !== identity(lake);
      lake = found;
      receivedAt = performance.now();
      problem = null;
      onLook(lake, isNew);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem = error.document;
      if (problem.status === 401) onLocked();
    }
    draw();
    clearTimeout(timer);
    if (problem?.status !== 401) timer = setTimeout(look, EVERY_MS);
  };
  document.addEventListener("visibilitychange", look);
  setInterval(() => document.hidden || draw(), 1000); // ages grow
  look();
  setTimeout(() => listen(look), SIGN_EVERY_MS); // the look asks already
  return look;
}

// A look may take long where there is much to look at; whether anybody is there is asked beside it.
async function listen(look) {
  if (!document.hidden) {
    const before = silence;
    silence = await signOfLife();
    if (before && !silence) look();
    if (before?.status !== silence?.status) draw();
  }
  setTimeout(() => listen(look), SIGN_EVERY_MS);
}

async function signOfLife() {
  try {
    await get("/health", { retries: 0, withinMs: SIGN_WITHIN_MS });
    return null;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error.document.status === 0 ? error.document : null; // whatever it said, it is there
  }
}

const identity = (l) =>
  JSON.stringify([l.snapshot, l.flights, l.tail, l.newest_event_time, l.newest_publish_time, l.unreadable]);

function draw() {
  const trouble = silence ?? problem;
  const [state, text] = trouble ? ["down", "Not live"] : document.hidden ? ["paused", "Paused"] : ["up", "Live"];
  const parts = [h("span", { class: `dot ${state}`, "aria-hidden": "true" }), h("strong", {}, text)];
  if (trouble) parts.push(h("span", { title: trouble.detail }, trouble.title));
  if (lake) parts.push(...facts());
  replace(byId("live"), parts);
}

// Ages are measured on the clock of the service; the browser's own may be wrong.
function facts() {
  const now = Date.parse(lake.listed_at) + performance.now() - receivedAt;
  const since = (moment) => (moment === null ? "none yet" : `${age((now - Date.parse(moment)) / 1000)} ago`);
  return [
    fact("snapshot", "snapshot", show("count", lake.snapshot)),
    fact("tail", "in the tail", `${show("count", lake.tail.rows)} rows`),
    fact("published", "newest published", since(lake.newest_publish_time), lake.newest_publish_time),
    fact("event", "newest event", since(lake.newest_event_time), lake.newest_event_time),
    lake.unreadable.length
      ? h("span", { class: "bad" }, `${show("count", lake.unreadable.length)} files cannot be read`)
      : null,
  ];
}

function fact(id, label, value, title) {
  const tip = definitionOf(id);
  return h("span", { class: "fact", "data-fact": id, title }, h("span", { "data-tip": tip }, label), " ", h("b", {}, value));
}
