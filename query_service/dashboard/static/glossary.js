// The "?" of the page: what every number means, in one place.

import { DEFINITIONS } from "./definitions.js";
import { byId, h } from "./dom.js";

export function setUpGlossary() {
  const dialog = h(
    "dialog",
    { class: "glossary", "aria-labelledby": "glossary-title" },
    h("h2", { id: "glossary-title", tabindex: "-1", autofocus: true }, "What the numbers mean"), // not the end
    h("dl", {}, Object.values(DEFINITIONS).flatMap(({ label, text }) => [h("dt", {}, label), h("dd", {}, text)])),
    h("form", { method: "dialog" }, h("button", { type: "submit" }, "Close")),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside it
  document.body.append(dialog);
  byId("glossary-open").addEventListener("click", () => dialog.showModal());
}
