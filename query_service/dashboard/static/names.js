// Names beside codes, and where airports are. A code that the table does not know is shown as it is.

let tables = { carriers: {}, airports: {} };
let asked = null;

// Asks for them once. They are larger than all else: what shows none does not wait for them.
export const named = () => (asked ??= load());

async function load() {
  try {
    tables = await (await fetch(new URL("names.json", import.meta.url))).json();
  } catch {
    // codes alone will do
  }
}

export function nameOf(field, code) {
  if (field === "carrier") return Object.hasOwn(tables.carriers, code) ? tables.carriers[code] : "";
  return field !== "status" && Object.hasOwn(tables.airports, code) ? tables.airports[code][0] : "";
}

// { latitude, longitude } of an airport, in degrees; null where it is not known.
export function placeOf(code) {
  if (!Object.hasOwn(tables.airports, code)) return null;
  const [, latitude, longitude] = tables.airports[code];
  return { latitude, longitude };
}

// The codes that `words` (lower case) mean: one that is the only word first, then names that have all of them, those that
// begin with the first one before others. Of `codes`, those of the data, or where these are not known of all with names.
export function namedLike(field, words, codes) {
  const table = field === "carrier" ? tables.carriers : tables.airports;
  const rank = (code) => {
    if (words.length === 1 && code.toLowerCase() === words[0]) return 0;
    const name = nameOf(field, code).toLowerCase();
    if (!words.every((word) => name.includes(word))) return -1;
    return name.startsWith(words[0]) ? 1 : 2;
  };
  return (codes ?? Object.keys(table))
    .map((code) => [rank(code), code])
    .filter(([at]) => at >= 0)
    .sort(([one], [other]) => one - other)
    .map(([, code]) => code);
}

export function routeNames(route) {
  const [origin, destination] = route.split("-");
  const names = [nameOf("origin", origin), nameOf("destination", destination)];
  return names.every(Boolean) ? names.join(" → ") : names.filter(Boolean).join("");
}
