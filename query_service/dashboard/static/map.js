// Airports on a map: flights by size, goodness by colour. Arrow keys move through the airports, what the cursor is on
// is written below, and a click or Enter picks it. The table below the map has all of it.

import { byId, h } from "./dom.js";
import { show } from "./format.js";
import { level, levels } from "./goodness.js";
import { HEAT_METRICS, METRIC_KINDS } from "./heatmap.js";
import { nameOf, placeOf } from "./names.js";

const HEIGHT_MOST = 520;
const HEIGHT_LEAST = 260;
const MARGIN = 26; // pixels around the outermost airports, for the largest circle
const SPAN_LEAST = 24; // degrees: one airport alone has its surroundings
const RADIUS_MOST = { least: 9, most: 22, share: 1 / 40 }; // of the largest circle: a share of the width
const RADIUS_LEAST = 3;
const TEXT = { width: 8, height: 13 }; // of a letter of a label
const STEPS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };

let land = null; // { land, borders, step_degrees } once it is there

async function loadLand() {
  try {
    land ??= await (await fetch(new URL("land.json", import.meta.url))).json();
  } catch {
    // airports alone will do
  }
}

// `field`: origin or destination, whose codes the rows have, most flights first. `onPick(code)`.
export function airportMap({ rows, field, metric, onPick }) {
  const airports = rows.map((row) => ({ row, code: row[field], place: placeOf(row[field]) }));
  const placed = airports.filter(({ place }) => place);
  const without = airports.filter(({ place }) => !place).map(({ code }) => code);
  const missing = without.length ? h("p", { class: "missing" }, `Not on the map: ${without.join(", ")}.`) : null;
  const host = h("div", { class: "map", tabindex: "0", role: "group", "data-focus": "map" });
  host.setAttribute("aria-label", `Map of ${placed.length} airports; arrow keys read them, most flights first, Enter filters by one.`);
  const readout = h("p", { class: "readout", "aria-live": "polite" });
  const map = { host, placed, metric, at: -1, circles: [] };
  const tell = (at) => {
    map.circles[map.at]?.classList.remove("current");
    map.at = at;
    map.circles[at]?.classList.add("current");
    readout.replaceChildren(...words(placed[at], field, metric));
  };
  const of = (event) => Number(event.target.closest("[data-at]")?.dataset.at ?? -1);
  const pick = (at) => placed[at] && onPick(placed[at].code);
  tell(-1);
  host.addEventListener("mouseover", (event) => tell(of(event)));
  host.addEventListener("mouseleave", () => tell(-1));
  host.addEventListener("blur", () => tell(-1));
  host.addEventListener("click", (event) => pick(of(event)));
  host.addEventListener("keydown", (event) => {
    if (event.key === "Enter") pick(map.at);
    if (!(event.key in STEPS) || !placed.length) return;
    event.preventDefault();
    const step = STEPS[event.key];
    tell(Math.min(placed.length - 1, Math.max(0, (map.at < 0 && step < 0 ? placed.length : map.at) + step)));
  });
  new ResizeObserver(() => draw(map)).observe(host);
  loadLand().then(() => draw(map));
  return h("figure", { class: "chart" }, h("figcaption", {}, `${HEAT_METRICS[metric]} by airport`), host, readout, key(metric), missing);
}

function draw(map) {
  if (!map.host.isConnected || !map.placed.length) return;
  const frame = framed(map.placed.map(({ place }) => place), map.host.clientWidth);
  const most = Math.max(...map.placed.map(({ row }) => row.flights));
  const largest = Math.min(RADIUS_MOST.most, Math.max(RADIUS_MOST.least, frame.width * RADIUS_MOST.share));
  const size = (row) => Math.max(RADIUS_LEAST, largest * Math.sqrt(row.flights / most));
  map.circles = map.placed.map(({ row, place }, at) => {
    const { x, y } = frame.at(place);
    const value = row[map.metric];
    const css = value === null ? "airport" : `airport level-${level(map.metric, value)}`;
    return drawing("circle", { class: css, cx: x.toFixed(1), cy: y.toFixed(1), r: size(row).toFixed(1), "data-at": at });
  });
  map.circles[map.at]?.classList.add("current");
  const { width, height } = frame;
  map.host.style.height = `${height}px`;
  map.host.replaceChildren(
    drawing(
      "svg",
      { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
      ...(land ? ground(frame) : []),
      ...map.circles,
      ...labels(map, frame, size),
    ),
  );
}

// An element of SVG: of the same kind as those of the page, so that no address has to be named.
function drawing(tag, attributes, ...children) {
  const element = document.createElementNS(byId("line").content.firstElementChild.namespaceURI, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Longitude and latitude in equal steps, at the right proportion in the middle: no shape is far off there.
function framed(places, width) {
  const [west, east] = spread(places.map((place) => place.longitude));
  const [south, north] = spread(places.map((place) => place.latitude));
  const narrow = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const inner = Math.max(1, width - 2 * MARGIN);
  const wanted = ((north - south) / ((east - west) * narrow)) * inner + 2 * MARGIN;
  const height = Math.round(Math.min(HEIGHT_MOST, Math.max(HEIGHT_LEAST, wanted)));
  const scale = Math.min(inner / ((east - west) * narrow), (height - 2 * MARGIN) / (north - south));
  const left = width / 2 - ((west + east) / 2) * narrow * scale;
  const top = height / 2 + ((south + north) / 2) * scale;
  const at = ({ longitude, latitude }) => ({ x: left + longitude * narrow * scale, y: top - latitude * scale });
  return { width, height, at, transform: { left, top, x: narrow * scale, y: -scale } };
}

function spread(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const more = Math.max(0, SPAN_LEAST - (high - low)) / 2;
  return [low - more, high + more];
}

function ground({ transform: { left, top, x, y } }) {
  const step = land.step_degrees;
  const transform = `translate(${left} ${top}) scale(${x * step} ${y * step})`;
  const path = (css, d) => drawing("path", { class: css, d, transform, "vector-effect": "non-scaling-stroke" });
  return [path("land", land.land), path("borders", land.borders)];
}

// Codes beside the circles, most flights first, where they cover no other label and no larger circle.
function labels({ placed }, { width, height, at }, size) {
  const taken = [];
  const overlaps = (one) => taken.some((box) => one.left < box.right && box.left < one.right && one.top < box.bottom && box.top < one.bottom);
  return placed.flatMap(({ row, code, place }) => {
    const { x, y } = at(place);
    const r = size(row);
    const left = x + r + 2;
    const box = { left, right: left + code.length * TEXT.width, top: y - TEXT.height / 2, bottom: y + TEXT.height / 2 };
    const isFree = box.right < width && box.top > 0 && box.bottom < height && !overlaps(box);
    taken.push({ left: x - r, right: x + r, top: y - r, bottom: y + r });
    if (!isFree) return [];
    taken.push(box);
    return [drawing("text", { x: left.toFixed(1), y: (y + 4).toFixed(1) }, code)];
  });
}

function words(airport, field, metric) {
  if (!airport) return ["Size: flights. A click shows only those of an airport."];
  const { row, code } = airport;
  return [
    h("b", {}, code),
    h("span", {}, nameOf(field, code)),
    h("span", {}, h("b", {}, show("count", row.flights)), " flights"),
    h("span", {}, `${HEAT_METRICS[metric]} `, h("b", {}, show(METRIC_KINDS[metric], row[metric]))),
  ];
}

// What the colours mean, from good to bad.
function key(metric) {
  const isRate = METRIC_KINDS[metric] === "rate";
  const text = (value) => (isRate ? show("rate", value).replace(".0%", "%") : `${show("minutes", value)} min`);
  const { worse, at } = levels(metric);
  const [good, bad] = worse === "below" ? ["at least", "below"] : ["up to", "above"];
  const entry = (label, index) => h("li", {}, h("i", { class: `level-${index}` }), label);
  const parts = [...at.map((step) => `${good} ${text(step)}`), `${bad} ${text(at.at(-1))}`];
  return h("ul", { class: "map-key", "aria-label": "Colours" }, parts.map(entry));
}
