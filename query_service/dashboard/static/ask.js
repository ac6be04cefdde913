// The questions behind what is shown, ready to be asked elsewhere.

import { key } from "./api.js";
import { byId, copyButton, h, replace } from "./dom.js";
import { BASE, rooted } from "./root.js";
import { curl, sql } from "./sql.js";
import { pathOf } from "./state.js";

const ROWS_BY_DEFAULT = 100; // of `python -m lakehouse sql`

// `questions`: { title: question }.
export function drawAsk(filters, questions) {
  const parts = Object.entries(questions).map(([title, question], index) => {
    const command = curl(BASE, pathOf(filters, question), key() !== "");
    const query = sql(filters, question);
    return h(
      "details",
      { "data-open": `ask ${title}`, open: index === 0 },
      h("summary", { "data-focus": `ask ${title}` }, title),
      code(`Copy curl of ${title.toLowerCase()}`, "curl", command),
      query === null ? null : code(`Copy SQL of ${title.toLowerCase()}`, "sql", query),
      key() === "" && question.flight === undefined ? csvLink(title, filters, question) : null, // a link sends no key; curl does
    );
  });
  const most = Math.max(...Object.values(questions).map((question) => question.limit ?? ROWS_BY_DEFAULT));
  const option = most > ROWS_BY_DEFAULT ? ` --max-rows ${most}` : "";
  replace(
    byId("ask"),
    h("h2", {}, "Ask it yourself"),
    h(
      "p",
      {},
      "The same numbers, to the last digit: over HTTP, or in your own DuckDB with ",
      h("code", {}, `python -m lakehouse sql${option} "…"`),
      ".",
    ),
    parts,
  );
}

// For spreadsheets, which is what people open a file with: texts that these would run as formulas are escaped.
function csvLink(title, filters, question) {
  const pairs = [...filters, ["format", "csv"], ["escape_formulas", "true"]];
  return h(
    "p",
    {},
    h("a", { href: rooted(pathOf(pairs, question)), download: true, "data-focus": `csv ${title}` }, "CSV"),
    " for a spreadsheet",
  );
}

function code(label, language, text) {
  const block = h(
    "pre",
    { tabindex: "0", "aria-label": language, "data-focus": `${label} text`, class: language },
    h("code", {}, text),
  );
  return h("div", { class: "code" }, block, copyButton(label, text));
}
