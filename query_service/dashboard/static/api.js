// Calls of the public API: with the key if there is one, again when the service says that it is busy, or this key too fast.

import { ROOT, rooted } from "./root.js";

const RETRIES = 3; // with its pauses about as long as somebody keeps looking at a page that loads
const PAUSE_MOST_S = 10; // a longer Retry-After is shown, not waited for
const TIMEOUT_MS = 30_000; // three times what the service takes for an answer at most
const KEY = ROOT === "/" ? "api-key" : `api-key of ${ROOT}`; // an origin's other services have keys of their own

const SILENT = {
  status: 0,
  title: "The service does not answer",
  detail: "The connection failed or took too long.",
};

// What the service said in a problem document (RFC 9457), or what stands for one.
export class Problem extends Error {
  constructor(document) {
    super(document.title);
    this.document = document;
  }
}

// Whether the same question may well be answered a little later.
export const isPassing = (document) => [0, 429, 500, 502, 503, 504].includes(document.status);

// Kept as long as the tab is; never in the URL, which is sent to others.
export const key = () => sessionStorage.getItem(KEY) ?? "";
export const setKey = (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY));

// The parsed answer and the snapshot that it is about. Throws Problem, and AbortError when `signal` says so.
export async function get(path, { signal, retries = RETRIES, onRetry = () => {}, withinMs = TIMEOUT_MS } = {}) {
  for (let attempt = 0; ; attempt += 1) {
    const response = await attempted(path, signal, withinMs);
    if (response.ok) return read(response, signal);
    const problem = await problemOf(response);
    const pause = Number(response.headers.get("Retry-After") || (response.status === 0 ? 2 ** attempt : NaN));
    const again = isPassing(problem.document) && pause <= PAUSE_MOST_S;
    if (!again || attempt >= retries) throw problem;
    onRetry(problem, pause);
    await sleep(pause * 1000, signal);
  }
}

async function attempted(path, signal, withinMs) {
  const headers = { Accept: "application/json, application/problem+json" };
  if (key()) headers["X-API-Key"] = key();
  const limits = [AbortSignal.timeout(withinMs), ...(signal ? [signal] : [])];
  try {
    return await fetch(rooted(path), { headers, signal: AbortSignal.any(limits) });
  } catch (error) {
    if (signal?.aborted) throw error;
    return Response.error(); // status 0: nobody answered
  }
}

async function read(response, signal) {
  const body = await json(response, signal);
  const snapshot = response.headers.get("Lake-Snapshot");
  return { body, snapshot, asOf: response.headers.get("Lake-As-Of") };
}

// Something between may answer for the service: with a page to log in, say.
async function json(response, signal) {
  try {
    return await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    if (!(error instanceof SyntaxError)) throw new Problem(SILENT); // it ended, or took too long, in the middle
    throw new Problem({
      status: response.status,
      title: "The answer is not JSON",
      detail: "It is in another format, which curl shows, or somebody else answered in place of the service.",
    });
  }
}

async function problemOf(response) {
  if (response.status === 0) return new Problem(SILENT);
  const plain = {
    status: response.status,
    title: `The service answered ${response.status}`,
    detail: response.statusText,
  };
  try {
    return new Problem({ ...plain, ...(await response.json()), status: response.status });
  } catch {
    return new Problem(plain);
  }
}

function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
