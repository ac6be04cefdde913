// Time series on canvas by uPlot, readable without seeing it: arrow keys move through the points, and what the
// cursor is on is written below and picked by a click or Enter. The table beside every chart has all of it.

import { byId, h } from "./dom.js";
import { show } from "./format.js";
import { datesOf, stepOf, STEPS, words as timeWords } from "./steps.js";
import { ticksOf } from "./ticks.js";
import { why } from "./tips.js";
import { DRAG, Zoom } from "./zoom.js";

const HEIGHT = 210;
const DAY_S = 86_400;
const LABEL_PX = 70; // of the longest label of the time axis, with room around it
const KEYS =
  "left and right arrow keys read them, and with Shift select them; Enter shows the flights of one, or zooms into a selection.";
const MARKED_MOST = 40; // points of a line that have a mark each
const drawn = new Set();

// `series`: { column, label, colour (a CSS variable), kind, bars, dash (pixels; none: solid) }. `range`: (min, max) -> [from, to] of the y axis.
// A series without any value is left out, in words. `tip`: what the numbers mean.
export function timeChart({ title, rows, at, tip, series: asked, range, onPick, onZoom }) {
  const series = asked.filter((s) => rows.some((row) => row[s.column] !== null));
  const without = asked.filter((s) => !series.includes(s)).map((s) => s.label);
  const missing = without.length ? h("p", { class: "missing" }, `No values here: ${without.join(", ")}.`) : null;
  const head = [h("figcaption", { "data-tip": tip }, title), why(title, tip)];
  if (!series.length) return h("figure", { class: "chart" }, head, missing);
  const host = h("div", { class: "plot", tabindex: "0", role: "group", "data-focus": title });
  const readout = h("p", { class: "readout", "aria-live": "polite" });
  const figure = h("figure", { class: "chart" }, head, host, readout, missing);
  host.setAttribute("aria-label", `${title}. Chart of ${rows.length} points; ${KEYS}`);
  const data = [
    rows.map((row) => Date.parse(datesOf(at, row[at])[0]) / 1000),
    ...series.map((s) => rows.map((row) => row[s.column])),
  ];
  const only = rows.length === 1 ? 0 : null; // is read at once
  const chart = { host, data, series, range, plot: null, step: stepOf(at) };
  chart.zoom = new Zoom(chart, rows, at, onZoom);
  chart.tell = (index) => readout.replaceChildren(...words(series, rows, at, index ?? only, chart.zoom.words(index)));
  chart.tell(null);
  const pick = () => {
    const row = rows[chart.plot?.cursor.idx ?? -1];
    if (row) onPick(row);
  };
  host.addEventListener("click", pick);
  host.addEventListener("keydown", (event) => event.key === "Enter" && (chart.zoom.onEnter() || pick()));
  host.addEventListener("keydown", (event) => move(event, chart, rows.length));
  host.addEventListener("blur", () => {
    chart.zoom.clear();
    chart.plot?.setCursor({ left: -10, top: -10 });
  });
  new ResizeObserver(() => fit(chart)).observe(host);
  drawn.add(chart);
  return figure;
}

for (const other of ["(prefers-color-scheme: dark)", "print"]) {
  matchMedia(other).addEventListener("change", () => {
    for (const chart of drawn) if (chart.plot) draw(chart);
  });
}

function fit(chart) {
  if (!chart.host.isConnected) {
    chart.plot?.destroy();
    drawn.delete(chart);
  } else if (chart.plot) chart.plot.setSize({ width: chart.host.clientWidth, height: HEIGHT });
  else draw(chart);
}

function draw(chart) {
  chart.plot?.destroy();
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--muted"), font: "12px system-ui, sans-serif", ticks: { show: false } };
  const grid = { stroke: colour("--line"), width: 1 };
  const times = chart.data[0];
  const half = (STEPS[chart.step].days * DAY_S) / 2; // uPlot stretches a single point
  const ticks = (plot, _, from, to) => ticksOf(from, to, chart.step, Math.floor(plot.bbox.width / devicePixelRatio / LABEL_PX));
  let label = null;
  chart.plot = new uPlot(
    {
      width: chart.host.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      padding: [8, 24, 0, 0],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      cursor: { y: false, drag: DRAG, sync: { key: "time" }, points: { size: 7 } },
      scales: {
        x: { range: () => [times[0] - half, times.at(-1) + half] },
        y: { range: (_, min, max) => chart.range(min ?? 0, max ?? 1) },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 28,
          splits: (...asked) => (({ at, text }) => ((label = text), at))(ticks(...asked)),
          values: (_, shown) => shown.map((tick) => label(tick)),
        },
        { ...axis, grid, size: 52, values: (_, ticks) => ticks.map((tick) => tickText(chart.series[0].kind, tick)) },
      ],
      series: [{}, ...chart.series.map((s) => line(s, colour(s.colour)))],
      hooks: {
        setCursor: [(plot) => chart.tell(plot.cursor.idx ?? null)],
        setSelect: [(plot) => chart.zoom.onSelect(plot)],
      },
    },
    chart.data,
    chart.host,
  );
}

function line(series, stroke) {
  if (series.bars) {
    return { stroke, points: { show: false }, width: 0, fill: stroke, paths: uPlot.paths.bars({ size: [0.7, 40] }) };
  }
  const filter = series.isCompared ? alone : marked; // marks would fill the gaps by which lines are told apart
  const points = { show: () => true, filter, size: 5, fill: stroke };
  return { stroke, points, width: series.thin ? 1.25 : 2, dash: series.dash?.map((part) => part * devicePixelRatio) };
}

// The points that get a mark: all while they are few, else those that no line leads to.
function marked(plot, index) {
  const values = plot.data[index];
  return values.length <= MARKED_MOST ? known(values) : alone(plot, index);
}

const isKnown = (value) => value !== null && value !== undefined;
const known = (values) => [...values.keys()].filter((i) => isKnown(values[i]));

function alone(plot, index) {
  const values = plot.data[index];
  return known(values).filter((i) => !isKnown(values[i - 1]) && !isKnown(values[i + 1]));
}

// A piece of the line as it is drawn, or a block of the colour of bars.
export function swatch({ colour, bars, thin, dash }) {
  const css = `swatch ${colour.slice(2)}`;
  if (bars) return h("i", { class: css });
  const svg = document.importNode(byId("line").content.firstElementChild, true);
  svg.setAttribute("class", css);
  svg.firstElementChild.setAttribute("stroke-width", thin ? 1.25 : 2);
  if (dash?.length) svg.firstElementChild.setAttribute("stroke-dasharray", dash.join(" "));
  return svg;
}

const tickText = (kind, tick) => (kind === "rate" ? `${Math.round(tick * 1000) / 10}%` : show("minutes", tick));

function words(series, rows, at, index, selected) {
  const isOn = index !== null && rows[index] !== undefined;
  const when = isOn ? [h("span", { class: "when" }, selected ?? timeWords(at, rows[index][at]))] : [];
  const values = series.map((s) => {
    const value = when.length ? [" ", h("b", {}, show(s.kind, rows[index][s.column]))] : [];
    return h("span", { class: "key" }, swatch(s), s.label, value);
  });
  return [...values, ...when];
}

function move(event, chart, count) {
  if (event.key === "Escape") {
    chart.zoom.clear();
    return chart.tell(chart.plot?.cursor.idx ?? null);
  }
  const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -7, PageDown: 7, Home: -Infinity, End: Infinity };
  if (!(event.key in steps) || !chart.plot || count === 0) return;
  event.preventDefault();
  const now = chart.plot.cursor.idx;
  const from = now ?? (steps[event.key] > 0 ? -1 : count);
  const index = Math.min(count - 1, Math.max(0, from + steps[event.key]));
  chart.plot.setCursor({ left: chart.plot.valToPos(chart.data[0][index], "x"), top: 0 });
  chart.zoom.onMove(from, index, event.shiftKey);
  chart.tell(index);
}
