// Every event of a flight that is still there, newest first: what it said, where it is, and why it won or did not.

import { h } from "./dom.js";
import { moment, show } from "./format.js";
import { datum } from "./tables.js";

// What decides between two events of a flight, in turn, and how the one is called that loses by it.
const LOSES_BY = {
  event_time: "older",
  publish_time: "as old, published earlier",
  message_id: "as old, of a message with a smaller id",
  message_line: "as old, earlier in the same message",
};

export function eventsTable({ data: events, truncated }) {
  const caption = "Events of this flight, newest first";
  return [
    h("h4", {}, show("count", events.length), events.length === 1 ? " event" : " events", ", newest first"),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": caption, "data-focus": caption },
      h(
        "table",
        { class: "events" },
        h("caption", {}, caption),
        h("thead", {}, h("tr", {}, HEAD.map(([label, css]) => h("th", { scope: "col", class: css }, label)))),
        h("tbody", {}, events.map((event) => eventRow(event, events[0]))),
      ),
    ),
    truncated ? h("p", { class: "missing" }, "There are more, older ones.") : null,
  ];
}

const HEAD = [
  ["Happened, UTC", null],
  ["Status", null],
  ["Which won", null],
  ["Departed late", "number"],
  ["Arrived late", "number"],
  ["Published, UTC", null],
  ["File", "file"],
];

function eventRow(event, newest) {
  const cells = [
    event.status,
    event.is_newest ? h("b", {}, "won: the newest") : whyNot(event, newest),
    datum("minutes", event.departure_delay_minutes),
    datum("minutes", event.arrival_delay_minutes),
    moment(event.publish_time),
    [h("code", {}, event.file), h("span", { class: "name" }, ` ${placeOf(event)}`)],
  ];
  const cell = (content, index) => {
    const [label, css] = HEAD[index + 1]; // the label is shown where rows stand below each other
    return h("td", { class: css, "data-label": label }, content);
  };
  return h("tr", {}, h("th", { scope: "row", class: "nowrap" }, moment(event.event_time)), cells.map(cell));
}

function whyNot(event, newest) {
  const column = Object.keys(LOSES_BY).find((name) => event[name] !== newest[name]);
  return LOSES_BY[column] ?? "the same, read by an older version";
}

function placeOf({ message_id: message, message_line: line, absorbed, copies }) {
  const many = copies > 1 ? `, ${show("count", copies)} copies` : "";
  return `message ${message}, line ${line}, ${absorbed ? "merged" : "not yet merged"}${many}`;
}
