// A question as curl and as SQL over the view `flights` that gives the same columns, rows and numbers.

const GROUPS = {
  route: "origin || '-' || destination AS route",
  week: "strftime(flight_date, '%G-W%V') AS week",
  quarter: "year(flight_date) || '-Q' || quarter(flight_date) AS quarter",
  year: "year(flight_date) AS year",
  month: "strftime(flight_date, '%Y-%m') AS month",
  weekday: "isodow(flight_date) AS weekday",
  hour: "scheduled_departure_hour AS hour",
};
// Filters of numbers; the others are columns of texts.
const NUMBERS = { flight_number: "flight_number", weekday: "isodow(flight_date)", hour: "scheduled_departure_hour" };
const PROBES = "ZZ"; // in no answer unless asked for by name; they have a view of their own

export function curl(origin, path, hasKey) {
  const header = hasKey ? ` -H "X-API-Key: $API_KEY"` : "";
  return `curl${header} '${(origin + path).replaceAll("'", "%27")}'`;
}

// None for a later page of flights: it begins after what the page before it ended with. None for events either: the
// views have the newest one of each flight.
export function sql(filters, question) {
  if (question.events !== undefined) return null;
  if (question.flight !== undefined) return sqlOfFlight(question.flight);
  if (question.cursor) return null;
  if (question.cursor === "") return sqlOfFlights(filters, question);
  const groups = question.groupBy.map((name) => GROUPS[name] ?? name);
  const lines = [
    "WITH asked AS (",
    "  SELECT *,",
    "    status IN ('departed', 'arrived', 'diverted') AS is_departed,",
    "    CASE WHEN is_departed THEN departure_delay_minutes END AS departure_delay,",
    "    CASE WHEN status = 'arrived' THEN arrival_delay_minutes END AS arrival_delay",
    `  FROM ${source(filters)}`,
    ...where(filters),
    ")",
    "SELECT",
    ...[...groups, ...columns()].map((column, index, all) => `  ${column}${index < all.length - 1 ? "," : ""}`),
    "FROM asked",
  ];
  if (groups.length) lines.push("GROUP BY ALL");
  if (question.minFlights) lines.push(`HAVING count(*) >= ${Number(question.minFlights)}`);
  if (groups.length) lines.push(`ORDER BY ${order(question)}`, `LIMIT ${question.limit ?? 1000}`);
  return lines.join("\n");
}

const KEY = "flight_date, carrier, flight_number, operational_suffix, origin";

function sqlOfFlights(filters, question) {
  return [`FROM ${source(filters)}`, ...where(filters).map((line) => line.trim()), `ORDER BY ${flightsOrder(question.orderBy)}`, `LIMIT ${question.limit}`].join("\n");
}

function flightsOrder(orderBy) {
  const column = orderBy.replace(/^-/, "");
  const way = orderBy.startsWith("-") ? " DESC" : "";
  if (!column || column === "flight_id") return KEY.replaceAll(",", `${way},`) + way;
  return `${column}${way} NULLS LAST, ${KEY}`;
}

// The API reads ids in small letters too.
function sqlOfFlight(id) {
  const [, date, carrier, number, suffix, origin] = id.toUpperCase().match(/^(\d{4}-\d\d-\d\d)-(\w+)-(\d+)([A-Z]?)-(\w+)$/) ?? [];
  const values = [`DATE ${quoted(date ?? "")}`, quoted(carrier ?? ""), Number(number), quoted(suffix ?? ""), quoted(origin ?? "")];
  return `FROM flights\nWHERE (${KEY}) = (${values.join(", ")})`;
}

function source(filters) {
  return filters.some(([name, value]) => name === "carrier" && value === PROBES)
    ? "(FROM flights UNION ALL FROM probes)"
    : "flights";
}

function where(filters) {
  const conditions = [];
  for (const name of new Set(filters.map(([n]) => n))) {
    const values = filters.filter(([n]) => n === name).map(([, value]) => value);
    if (name === "date_from") conditions.push(`flight_date >= DATE ${quoted(values[0])}`);
    else if (name === "date_to") conditions.push(`flight_date <= DATE ${quoted(values[0])}`);
    else if (Object.hasOwn(NUMBERS, name)) conditions.push(`${NUMBERS[name]} IN (${values.map(Number).join(", ")})`);
    else if (values.length === 1) conditions.push(`${name} = ${quoted(values[0])}`);
    else conditions.push(`${name} IN (${values.map(quoted).join(", ")})`);
  }
  return conditions.map((condition, index) => `  ${index ? "  AND" : "WHERE"} ${condition}`);
}

function columns() {
  return [
    "count(*) AS flights",
    "count(*) FILTER (is_departed) AS departed",
    ...["arrived", "cancelled", "diverted"].map((status) => `count(*) FILTER (status = '${status}') AS ${status}`),
    "count(*) FILTER (status = 'cancelled') / nullif(count(*), 0) AS cancellation_rate",
    ...["departure", "arrival"].map(
      (kind) => `${ratio(kind, `count(*) FILTER (${kind}_delay < 15)`)} AS on_time_${kind}_rate`,
    ),
    ...["departure", "arrival"].flatMap((kind) => [
      `${ratio(kind, `sum(${kind}_delay)::BIGINT`)} AS ${kind}_delay_mean`,
      ...[0.5, 0.9, 0.95].map((p) => `quantile_disc(${kind}_delay, ${p}) AS ${kind}_delay_p${Math.round(p * 100)}`),
      `max(${kind}_delay) AS ${kind}_delay_max`,
    ]),
  ];
}

const ratio = (kind, numerator) => `${numerator} / nullif(count(${kind}_delay), 0)`;

// As the API orders: as asked, nulls last both ways, then by the groups.
function order(question) {
  const asked = question.orderBy ? question.orderBy.split(",") : [];
  const names = asked.map((name) => name.replace(/^-/, ""));
  const rest = question.groupBy.filter((name) => !names.includes(name));
  return [...asked, ...rest]
    .map((name) => (name.startsWith("-") ? `${name.slice(1)} DESC NULLS LAST` : `${name} ASC NULLS LAST`))
    .join(", ");
}

const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
