// Names beside codes. A code that the table does not know is shown as it is.

let tables = { carriers: {}, airports: {} };

export async function loadNames() {
  try {
    tables = await (await fetch(new URL("names.json", import.meta.url))).json();
  } catch {
    // codes alone will do
  }
}

export function nameOf(field, code) {
  const table = field === "carrier" ? tables.carriers : field === "status" ? {} : tables.airports;
  return Object.hasOwn(table, code) ? table[code] : "";
}

export function routeNames(route) {
  const [origin, destination] = route.split("-");
  const names = [nameOf("origin", origin), nameOf("destination", destination)];
  return names.every(Boolean) ? names.join(" → ") : names.filter(Boolean).join("");
}
