// The field for the API key: there when the service asks for one, and to give it back.

import { key, setKey } from "./api.js";
import { byId, h, replace } from "./dom.js";

// Shows the field; `onKey()` is called once there is a new key.
export function askForKey(onKey) {
  const form = byId("key");
  const refused = key() !== "";
  const text = refused ? "The service does not accept this key." : "The service asks for an API key.";
  if (!form.hidden && form.dataset.text === text) return; // somebody is typing
  form.dataset.text = text;
  const input = h("input", {
    type: "password",
    id: "api-key",
    autocomplete: "off",
    required: true,
    "data-focus": "api-key",
  });
  replace(
    form,
    h("label", { for: "api-key" }, text),
    input,
    h("button", { type: "submit" }, "Use it"),
    h("small", {}, "It is kept until this tab is closed, and sent to this service only."),
  );
  form.onsubmit = (event) => {
    event.preventDefault();
    setKey(input.value.trim());
    form.hidden = true;
    onKey();
  };
  form.hidden = false;
}
