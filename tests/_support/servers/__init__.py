"""Small servers and proxies, in this process or next to it."""
