// Elements from plain calls. Text is always text: nothing here parses HTML.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const byId = (id) => document.getElementById(id);

// Puts new children into `element`. What has a data-focus keeps the focus, what has a data-open stays open.
export function replace(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
  const open = new Set([...element.querySelectorAll("details[data-open][open]")].map((d) => d.dataset.open));
  const closed = new Set([...element.querySelectorAll("details[data-open]:not([open])")].map((d) => d.dataset.open));
  element.replaceChildren(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  for (const details of element.querySelectorAll("details[data-open]")) {
    if (open.has(details.dataset.open)) details.open = true;
    if (closed.has(details.dataset.open)) details.open = false;
  }
  if (focused !== undefined) element.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
}

export function copyButton(label, text) {
  const button = h("button", { type: "button", class: "copy", "data-focus": label }, label);
  button.addEventListener("click", async () => {
    button.textContent = (await copied(text)) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => (button.textContent = label), 1500);
  });
  return button;
}

// The clipboard is there on https and on this machine only; elsewhere the old way.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", { class: "offscreen", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
