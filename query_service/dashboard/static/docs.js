// The API's reference, from its own OpenAPI document. A request can be sent from the page and its answer looked at.

import { get, key, Problem } from "./api.js";
import { byId, copyButton, h, replace } from "./dom.js";
import { askForKey } from "./key.js";
import { BASE } from "./root.js";
import { curl } from "./sql.js";

const SHOWN_CHARACTERS = 4_000; // of an answer: what it looks like, not all of it

async function draw() {
  try {
    const { body } = await get("/openapi.json");
    const operations = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => section(path, method, operation)),
    );
    replace(byId("reference"), h("p", {}, plain(body.info.description)), operations);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.document.status === 401) askForKey(draw);
    replace(
      byId("reference"),
      h(
        "div",
        { class: "problem", role: "alert" },
        h("h2", {}, error.document.title),
        h("p", {}, error.document.detail),
      ),
    );
  }
}

const plain = (text) => (text ?? "").replaceAll("`", "");

function section(path, method, operation) {
  const parameters = operation.parameters ?? [];
  const responses = Object.entries(operation.responses);
  const example = responses[0]?.[1].content?.["application/json"]?.example;
  return h(
    "section",
    { "aria-label": `${method.toUpperCase()} ${path}` },
    h("h2", {}, h("code", {}, h("span", { class: "method" }, method.toUpperCase()), ` ${path}`)),
    h("p", {}, h("b", {}, operation.summary), ". ", plain(operation.description)),
    parameters.length ? parameterTable(path, parameters) : null,
    method === "get" ? attempt(path, parameters) : null,
    example
      ? h(
          "details",
          {},
          h("summary", {}, "An answer"),
          h("div", { class: "code" }, h("pre", { tabindex: "0" }, JSON.stringify(example, null, 2))),
        )
      : null,
    h(
      "details",
      {},
      h("summary", {}, "Status codes"),
      h(
        "dl",
        {},
        responses.flatMap(([status, response]) => [h("dt", {}, status), h("dd", {}, plain(response.description))]),
      ),
    ),
  );
}

function parameterTable(path, parameters) {
  const row = (p) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, h("code", {}, p.name)),
      h("td", {}, plain(p.description)),
      h("td", {}, h("code", {}, exampleOf(p))),
    );
  const head = ["Parameter", "Meaning", "Example"].map((text) => h("th", { scope: "col" }, text));
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": `Parameters of ${path}` },
    h(
      "table",
      {},
      h("caption", {}, "Parameters"),
      h("thead", {}, h("tr", {}, head)),
      h("tbody", {}, parameters.map(row)),
    ),
  );
}

function exampleOf(parameter) {
  const example = parameter.example ?? parameter.schema?.examples?.[0] ?? "";
  return Array.isArray(example) ? example.join(",") : String(example);
}

// A request that can be changed, sent, and copied as curl.
function attempt(path, parameters) {
  const start = parameters
    .filter((p) => p.in === "path")
    .reduce((text, p) => text.replace(`{${p.name}}`, exampleOf(p)), path);
  const input = h("input", {
    value: start,
    "aria-label": `Request to ${path}`,
    spellcheck: "false",
    autocomplete: "off",
  });
  const answer = h("div", { class: "code", "aria-live": "polite" });
  const copy = h("span", {});
  const renew = () => copy.replaceChildren(copyButton("Copy curl", curl(BASE, input.value, key() !== "")));
  const form = h("form", { class: "panel tries" }, input, h("button", { type: "submit" }, "Send"), copy);
  input.addEventListener("input", renew);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(input.value, answer);
  });
  renew();
  return [form, answer];
}

async function send(path, answer) {
  const shown = await answered(path);
  const cut = shown.length > SHOWN_CHARACTERS ? `${shown.slice(0, SHOWN_CHARACTERS)}\n…` : shown;
  replace(answer, h("pre", { tabindex: "0", "aria-label": "Answer" }, cut));
}

async function answered(path) {
  if (!path.startsWith("/") || path.startsWith("//")) return "A path of this service begins with one /.";
  try {
    return JSON.stringify((await get(path, { retries: 0 })).body, null, 2);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.document.status === 401) askForKey(() => {});
    return JSON.stringify(error.document, null, 2);
  }
}

draw();
