// The "?" of the page: what every number means, in one place.

import { DEFINITIONS } from "./definitions.js";
import { byId, h } from "./dom.js";
import { readState } from "./state.js";

// What the documents say of a view, as `make site` names their pages; of all others, how the numbers are counted.
const PAGES = new Map([
  ["flights", "docs/event.html#fields"],
  ["flight", "docs/event.html#which-event-counts"],
]);
const NUMBERS = "docs/analysts.html#the-apis-numbers-in-sql";

export function setUpGlossary() {
  const documents = document.querySelector("link[rel=help]")?.getAttribute("href"); // where somebody serves them
  const more = documents ? h("a", {}, "More in the documents") : null;
  const dialog = h(
    "dialog",
    { class: "glossary", "aria-labelledby": "glossary-title" },
    h("h2", { id: "glossary-title", tabindex: "-1", autofocus: true }, "What the numbers mean"), // not the end
    h("dl", {}, Object.values(DEFINITIONS).flatMap(({ label, text }) => [h("dt", {}, label), h("dd", {}, text)])),
    more && h("p", {}, more),
    h("form", { method: "dialog" }, h("button", { type: "submit" }, "Close")),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside it
  document.body.append(dialog);
  byId("glossary-open").addEventListener("click", () => {
    if (more) more.href = documents + (PAGES.get(readState(location.search).view) ?? NUMBERS);
    dialog.showModal();
  });
}
