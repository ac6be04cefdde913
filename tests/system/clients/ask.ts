// Asks a running API by the types that openapi-typescript made (`schema.d.ts`), as the type checker allows it.
// Prints what came back as JSON.

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };

// Of a table that may come as text too: the document, which is asked for by default.
function parsed<T>(data: T | string | undefined): T {
  if (data === undefined || typeof data === "string") throw new Error(`it is no document: ${data}`);
  return data;
}

const client = createClient<paths>({ baseUrl: process.argv[2] });

const query = { carrier: ["UA", "AA"], date_from: "2013-01-01", date_to: "2013-01-01" };
const stats = await client.GET("/v1/stats", {
  params: { query: { ...query, group_by: ["carrier"], on_time_minutes: 30, names: "true" } },
});
const rows: components["schemas"]["StatsRow"][] = parsed<components["schemas"]["Stats"]>(stats.data).data;
const name: string | null | undefined = rows[0]!.carrier_name;
if (name !== "American Airlines Inc.") throw new Error(`it is ${name}`);

const page = await client.GET("/v1/flights", {
  params: { query: { delay: "departure", delay_min: 60, order_by: "-departure_delay_minutes", limit: 5 } },
});
const path = { flight_id: "2013-01-01-UA-1545-EWR" };
const flight = await client.GET("/v1/flights/{flight_id}", { params: { path } });
const events = await client.GET("/v1/flights/{flight_id}/events", { params: { path } });
const newest = parsed<components["schemas"]["FlightEvents"]>(events.data).data[0];
if (!newest?.is_newest) throw new Error("the first event is not the newest");

const lake = await client.GET("/v1/lake", {});
const airports = await client.GET("/v1/airports", {});
const carriers = await client.GET("/v1/carriers", {});
const refused = await client.GET("/v1/stats", {
  params: { query: { date_from: "2013-01-02", date_to: "2013-01-01" } },
});
const problem: components["schemas"]["Problem"] | undefined = refused.error;

console.log(
  JSON.stringify({
    stats: stats.data,
    page: page.data,
    flight: flight.data,
    events: events.data,
    lake: lake.data!.flights,
    airports: parsed<components["schemas"]["Airports"]>(airports.data).data.length,
    carriers: carriers.data,
    wrong: problem?.parameter,
  }),
);
