// A question as Python that needs nothing installed.

export function python(url, hasKey) {
  const request = hasKey ? `urllib.request.Request(url, headers={"X-API-Key": os.environ["API_KEY"]})` : "url";
  return [
    "import json",
    ...(hasKey ? ["import os"] : []),
    "import urllib.request",
    "",
    `url = ${JSON.stringify(url)}`,
    `with urllib.request.urlopen(${request}) as answer:`,
    `    data = json.load(answer)["data"]`,
  ].join("\n");
}
