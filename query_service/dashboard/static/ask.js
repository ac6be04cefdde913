// The questions behind what is shown, ready to be asked elsewhere.

import { key } from "./api.js";
import { byId, copyButton, h, replace } from "./dom.js";
import { show } from "./format.js";
import { BASE, rooted } from "./root.js";
import { python } from "./python.js";
import { curl, sql } from "./sql.js";
import { MOST_ROWS, pathOf } from "./state.js";

const ROWS_BY_DEFAULT = 100; // of `python -m lakehouse sql`

// `questions`: { title: question }; `answers`: what each was answered.
export function drawAsk(filters, questions, answers) {
  const parts = Object.entries(questions).map(([title, question], index) => {
    const path = pathOf(filters, question);
    const name = title.toLowerCase();
    const query = sql(filters, question);
    return h(
      "details",
      { "data-open": `ask ${title}`, open: index === 0 },
      h("summary", { "data-focus": `ask ${title}` }, title),
      code(`Copy curl of ${name}`, "curl", curl(BASE, path, key() !== "")),
      query === null ? null : closed(`SQL of ${name}`, code(`Copy SQL of ${name}`, "sql", query)),
      closed(`Python of ${name}`, code(`Copy Python of ${name}`, "python", python(BASE + path, key() !== ""))),
      key() === "" && question.flight === undefined ? files(title, filters, question, answers[index]) : null, // a link sends no key
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

const closed = (title, block) =>
  h("details", { class: "closed", "data-open": title }, h("summary", { "data-focus": title }, title), block);

// CSV is for spreadsheets, which is what people open such a file with: texts that these would run as formulas are escaped.
function files(title, filters, question, answer) {
  const whole = question.groupBy?.length ? { ...question, limit: MOST_ROWS } : question; // a view shows fewer
  const link = (label, ...pairs) => {
    const href = rooted(pathOf([...filters, ...pairs], whole));
    return h("a", { href, download: true, "data-focus": `${label} ${title}` }, label);
  };
  return h(
    "p",
    {},
    `${whatIsIn(question, answer)} as a file: `,
    link("CSV", ["format", "csv"], ["escape_formulas", "true"]),
    " for a spreadsheet, ",
    link("Parquet", ["format", "parquet"]),
    " for programs",
    question.cursor === undefined || isAll(question, answer) ? null : REST,
  );
}

const REST = ". All of them: follow next_cursor, or ask the SQL without its LIMIT";

const isAll = (question, { truncated, next_cursor: next }) => !truncated && !next && !question.cursor;

function whatIsIn(question, answer) {
  if (isAll(question, answer)) return "All of it";
  if (question.groupBy) return `All of it, up to ${show("count", MOST_ROWS)} rows,`;
  return `These ${show("count", answer.data.length)} ${question.events === undefined ? "flights" : "events"}`;
}

function code(label, language, text) {
  const block = h(
    "pre",
    { tabindex: "0", "aria-label": language, "data-focus": `${label} text`, class: language },
    h("code", {}, text),
  );
  return h("div", { class: "code" }, block, copyButton(label, text));
}
