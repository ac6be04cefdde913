// Explanations on hover and on keyboard focus: of whatever has a data-tip, or is in something that has one.

import { h } from "./dom.js";

const GAP_PX = 6; // between an element and what is said about it

const tip = h("div", { id: "tip", class: "tip", role: "tooltip", hidden: true });
let hovered = null; // the element with a data-tip below the pointer
let focused = null; // what has the keyboard's focus and is in one

export function setUpTips() {
  document.querySelector("main").append(tip);
  document.addEventListener("pointerover", (event) => {
    if (event.target === tip) return; // it can be read with the pointer on it
    hovered = tipped(event.target);
    draw();
  });
  document.addEventListener("focusin", (event) => {
    if (event.target.matches(":focus-visible")) focus(event.target);
  });
  document.addEventListener("focusout", () => focus(null));
  document.addEventListener("click", (event) => event.target.closest(".why") && focus(event.target)); // a finger
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    hovered = null;
    focus(null);
  });
  addEventListener("scroll", draw, { passive: true, capture: true });
}

// A "?"; what it says is its own text, or that of what it is in.
export const why = (label, text) =>
  h("button", { type: "button", class: "why", "aria-label": `What is: ${label}`, "data-focus": `why ${label}`, "data-tip": text }, "?");

const tipped = (element) => element?.closest?.("[data-tip]") ?? null;

function focus(element) {
  focused?.removeAttribute("aria-describedby");
  focused = tipped(element) && element;
  focused?.setAttribute("aria-describedby", tip.id);
  draw();
}

function draw() {
  const about = hovered?.isConnected ? hovered : tipped(focused);
  tip.hidden = !about?.isConnected;
  if (tip.hidden) return;
  tip.textContent = about.dataset.tip;
  place(about.getBoundingClientRect());
}

// Below, or above where there is no room; always inside the window.
function place(box) {
  tip.style.left = "0"; // as wide as it can be
  const { width, height } = tip.getBoundingClientRect();
  const below = box.bottom + GAP_PX;
  const isBelow = below + height <= innerHeight || box.top - GAP_PX - height < 0;
  const left = Math.max(GAP_PX, Math.min(box.left, document.documentElement.clientWidth - width - GAP_PX));
  tip.style.left = `${left}px`;
  tip.style.top = `${isBelow ? below : box.top - GAP_PX - height}px`;
}
