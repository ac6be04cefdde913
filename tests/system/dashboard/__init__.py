"""The pages in a real browser, against a real service."""

NO_CHROMIUM = "no Chromium here: apt-get install chromium, or set CHROMIUM to a browser's path"
