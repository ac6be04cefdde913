// Zooming into a time chart: by dragging over it, or with Shift and the arrow keys, and Enter.

import { datesOf, words } from "./steps.js";

const DRAG_LEAST_PX = 8; // less is a click of a hand that shakes
export const DRAG = { x: true, y: false, setScale: false, dist: DRAG_LEAST_PX, click: afterDrag };

// Charts move their cursors and selections together; the one that a drag began on is asked what is selected.
let dragged = null;
document.addEventListener("mousedown", (event) => (dragged = event.target.closest?.(".plot")), { capture: true });

// The click at the end of a drag picks nothing; without a drag it does, also of a hand that shakes.
function afterDrag(_, event) {
  if (dragged === null) event.stopPropagation();
}

// `onZoom(from, to)` is called with the first and the last date of what is selected.
export class Zoom {
  #chart;
  #rows;
  #at;
  #onZoom;
  #anchor = null; // where a selection by keys began

  constructor(chart, rows, at, onZoom) {
    this.#chart = chart;
    this.#rows = rows;
    this.#at = at;
    this.#onZoom = onZoom;
  }

  // A drag has ended.
  onSelect(plot) {
    const { left, width } = plot.select;
    if (dragged !== this.#chart.host || width === 0) return;
    dragged = null;
    const [from, to] = [left, left + width].map((pixel) => plot.posToVal(pixel, "x"));
    const within = [...this.#rows.keys()].filter((i) => plot.data[0][i] >= from && plot.data[0][i] <= to);
    this.#zoom(within.length ? within : [plot.valToIdx((from + to) / 2)]);
  }

  // The cursor has moved to `index` by a key; with `isSelecting` all from where that began is selected.
  onMove(from, index, isSelecting) {
    if (!isSelecting) return this.clear();
    this.#anchor ??= this.#rows[from] ? from : index;
    const plot = this.#chart.plot;
    const [left, right] = this.#ends(index).map((i) => plot.valToPos(plot.data[0][i], "x"));
    plot.setSelect({ left: left - 3, width: right - left + 6, top: 0, height: plot.over.clientHeight }, false);
  }

  // Whether there was something to zoom into.
  onEnter() {
    if (this.#anchor === null) return false;
    const [first, last] = this.#ends(this.#chart.plot.cursor.idx ?? this.#anchor);
    this.#zoom([first, last]);
    return true;
  }

  clear() {
    this.#anchor = null;
    this.#chart.plot?.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  }

  // What is selected by keys, in words; null where nothing is.
  words(index) {
    if (this.#anchor === null || index === null) return null;
    const [first, last] = this.#ends(index).map((i) => words(this.#at, this.#rows[i][this.#at]));
    return `${first} to ${last}: Enter zooms in, Escape does not`;
  }

  #ends(index) {
    return [Math.min(this.#anchor, index), Math.max(this.#anchor, index)];
  }

  #zoom(indexes) {
    const [first, last] = [indexes[0], indexes.at(-1)].map((i) => datesOf(this.#at, this.#rows[i][this.#at]));
    this.clear();
    this.#onZoom(first[0], last[1]);
  }
}
