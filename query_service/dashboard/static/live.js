// What the lake holds, looked at every few seconds while somebody sees the page.

import { get, Problem } from "./api.js";
import { byId, h, replace } from "./dom.js";
import { age, show } from "./format.js";

const EVERY_MS = 5_000; // as fresh as writers are; the service lists its lake once a second at most anyway
const EVERY_MOST_MS = 60_000; // while it fails: twice as long each time, up to this

let lake = null;
let receivedAt = 0;
let problem = null;
let timer = 0;
let pause = EVERY_MS;

// Calls `onChange(lake)` when it is not what it was, `onLocked()` when a key is asked for.
export function follow(onChange, onLocked) {
  const look = async () => {
    clearTimeout(timer);
    if (document.hidden) return draw();
    try {
      const before = lake && identity(lake);
      lake = (await get("/v1/lake", { retries: 0 })).body;
      receivedAt = performance.now();
      problem = null;
      pause = EVERY_MS;
      if (identity(lake) !== before) onChange(lake);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem = error.document;
      pause = Math.min(pause * 2, EVERY_MOST_MS);
      if (problem.status === 401) onLocked();
    }
    draw();
    clearTimeout(timer);
    if (problem?.status !== 401) timer = setTimeout(look, pause);
  };
  document.addEventListener("visibilitychange", look);
  setInterval(() => document.hidden || draw(), 1000); // ages grow
  look();
  return look;
}

const identity = (l) =>
  JSON.stringify([l.snapshot, l.flights, l.tail, l.newest_event_time, l.newest_publish_time, l.unreadable]);

function draw() {
  const [state, text] = problem ? ["down", "Not live"] : document.hidden ? ["paused", "Paused"] : ["up", "Live"];
  const parts = [h("span", { class: `dot ${state}`, "aria-hidden": "true" }), h("strong", {}, text)];
  if (problem) parts.push(h("span", { title: problem.detail }, problem.title));
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
  return h("span", { class: "fact", "data-fact": id, title }, `${label} `, h("b", {}, value));
}
