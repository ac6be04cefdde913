// The questions behind what is shown, ready to be asked elsewhere.

import { key } from "./api.js";
import { byId, copyButton, h, replace } from "./dom.js";
import { curl, sql } from "./sql.js";
import { statsPath } from "./state.js";

const ROWS_BY_DEFAULT = 100; // of `python -m lakehouse sql`

// `questions`: { title: question }.
export function drawAsk(filters, questions) {
  const parts = Object.entries(questions).map(([title, question], index) => {
    const command = curl(location.origin, statsPath(filters, question), key() !== "");
    const query = sql(filters, question);
    return h(
      "details",
      { "data-open": `ask ${title}`, open: index === 0 },
      h("summary", { "data-focus": `ask ${title}` }, title),
      code(`Copy curl of ${title.toLowerCase()}`, "curl", command),
      code(`Copy SQL of ${title.toLowerCase()}`, "sql", query),
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

function code(label, language, text) {
  const block = h(
    "pre",
    { tabindex: "0", "aria-label": language, "data-focus": `${label} text`, class: language },
    h("code", {}, text),
  );
  return h("div", { class: "code" }, block, copyButton(label, text));
}
