// Where the service is mounted: "/", or a path prefix of a proxy, known from where this very module was loaded.

// With a slash at the end.
export const ROOT = new URL("../../", import.meta.url).pathname;

// A path of the API as the browser has to ask for it.
export const rooted = (path) => ROOT + path.slice(1);

// What stands before a path of the API in a URL that is asked from elsewhere.
export const BASE = location.origin + ROOT.slice(0, -1);
