// Time series on canvas by uPlot, readable without seeing it: arrow keys move through the points, and what the
// cursor is on is written below. The table beside every chart has all of it.

import { h } from "./dom.js";
import { bucket, dayLabel, monthLabel, show } from "./format.js";

const HEIGHT = 210;
const DAY_S = 86_400;
const drawn = new Set();

// `series`: { column, label, colour (a CSS variable), kind, bars }. `range`: (min, max) -> [from, to] of the y axis.
export function timeChart({ title, rows, at, series, range }) {
  const host = h("div", { class: "plot", tabindex: "0", role: "group", "data-focus": title });
  const readout = h("p", { class: "readout", "aria-live": "polite" });
  const figure = h("figure", { class: "chart" }, h("figcaption", {}, title), host, readout);
  host.setAttribute("aria-label", `${title}. Chart of ${rows.length} points; left and right arrow keys read them.`);
  const data = [
    rows.map((row) => Date.parse(`${row[at].padEnd(10, "-01")}T00:00Z`) / 1000),
    ...series.map((s) => rows.map((row) => row[s.column])),
  ];
  const tell = (index) => readout.replaceChildren(...words(series, rows, at, index));
  tell(null);
  const chart = { host, data, series, range, tell, plot: null, ...steps(at === "month", rows.length) };
  host.addEventListener("keydown", (event) => move(event, chart, rows.length));
  host.addEventListener("blur", () => chart.plot?.setCursor({ left: -10, top: -10 }));
  new ResizeObserver(() => fit(chart)).observe(host);
  drawn.add(chart);
  return figure;
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const chart of drawn) if (chart.plot) draw(chart);
});

// Distances of points and of labels, in seconds.
function steps(isMonths, count) {
  const days = isMonths ? [30.5, 61, 91.5, 183, 366, 1830] : [1, 2, 7, 14, 21, 28, 42, 56, 91, 182, 366, 1830];
  const label = isMonths || count > 400 ? monthLabel : dayLabel;
  return { step: (isMonths ? 28 : 1) * DAY_S, increments: days.map((d) => d * DAY_S), label: (tick) => label(tick) };
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
  chart.plot = new uPlot(
    {
      width: chart.host.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      padding: [8, 8, 0, 0],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      cursor: { y: false, drag: { x: false, y: false }, sync: { key: "time" }, points: { size: 7 } },
      scales: {
        x: { range: (_, min, max) => [min - chart.step / 2, max + chart.step / 2] },
        y: { range: (_, min, max) => chart.range(min ?? 0, max ?? 1) },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 28,
          space: 64,
          incrs: chart.increments,
          values: (_, ticks) => ticks.map(chart.label),
        },
        { ...axis, grid, size: 52, values: (_, ticks) => ticks.map((tick) => tickText(chart.series[0].kind, tick)) },
      ],
      series: [{}, ...chart.series.map((s) => line(s, colour(s.colour)))],
      hooks: { setCursor: [(plot) => chart.tell(plot.cursor.idx ?? null)] },
    },
    chart.data,
    chart.host,
  );
}

function line(series, stroke) {
  const common = { stroke, points: { show: series.bars ? false : undefined, size: 5, fill: stroke } };
  if (series.bars) return { ...common, width: 0, fill: stroke, paths: uPlot.paths.bars({ size: [0.7, 40] }) };
  return { ...common, width: series.thin ? 1.25 : 2, dash: series.thin ? [4, 3] : undefined };
}

const tickText = (kind, tick) => (kind === "rate" ? `${Math.round(tick * 1000) / 10}%` : show("minutes", tick));

function words(series, rows, at, index) {
  const when = index === null || !rows[index] ? [] : [h("span", { class: "when" }, bucket(rows[index][at]))];
  const values = series.map((s) => {
    const value = when.length ? [" ", h("b", {}, show(s.kind, rows[index][s.column]))] : [];
    return h("span", { class: "key" }, h("i", { class: `swatch ${s.colour.slice(2)}` }), s.label, value);
  });
  return [...values, ...when];
}

function move(event, chart, count) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -7, PageDown: 7, Home: -Infinity, End: Infinity };
  if (!(event.key in steps) || !chart.plot || count === 0) return;
  event.preventDefault();
  const now = chart.plot.cursor.idx;
  const from = now ?? (steps[event.key] > 0 ? -1 : count);
  const index = Math.min(count - 1, Math.max(0, from + steps[event.key]));
  chart.plot.setCursor({ left: chart.plot.valToPos(chart.data[0][index], "x"), top: 0 });
}
