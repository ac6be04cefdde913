# ruff: noqa: E501 - tables
"""Values that have broken other services: injections, paths, encodings, look-alikes, extremes."""

from __future__ import annotations

from random import Random

INJECTIONS = (
    *("' OR 1=1 --", "'; DROP TABLE flights; --", '" OR ""="', "UA') OR ('1'='1", "1; SELECT pg_sleep(10)", "UA'--"),
    *(
        "'||(SELECT version())||'",
        "$carrier",
        "$1",
        "?",
        ":carrier",
        "%(carrier)s",
        "{0}",
        "{{7*7}}",
        "${jndi:ldap://x}",
    ),
    *("UA' UNION SELECT * FROM read_csv('/etc/passwd') --", "'); COPY (SELECT 1) TO '/tmp/owned'; --", "\\'; --"),
    *('carrier") OR ("1"="1', "flights; ATTACH '/tmp/x.db'", "flights DESC, (SELECT 1)", "1)--", "`id`", "$(id)"),
    *("<script>alert(1)</script>", "&lt;", "a\r\nSet-Cookie: x=1", "a\nb", "\x1b[31m", "=cmd|' /C calc'!A0"),
)
PATHS = (
    *(
        "../../etc/passwd",
        "..\\..\\windows",
        "/etc/passwd",
        "file:///etc/passwd",
        "....//....//",
        "%2e%2e%2f",
        "~",
        ".",
    ),
    *("snapshots/00000000000000000001.json", "landing/*", "C:\\", "//evil.example/x", "\\\\host\\share", "a/../../b"),
)
UNICODE = (
    *("ＵＡ", "ＥＷＲ", "U\u0301A", "UA\u200b", "\u202eAU", "\ufeffUA", "ÜA", "ßß", "İI", "ı1", "①②", "١٢", "UA\u00a0"),
    *(
        "２０１３-01-01",
        "2013‑01‑01",
        "2013-01-01\u200e",
        "\U0001f600",
        "\U0010ffff",
        "e\u0301" * 5,
        "K\u212a",
        "\u0000",
    ),
    *(
        "UA\x00",
        "\x00",
        "\x7f",
        "\x85",
        "\u2028",
        "\ud800",
        "a\udcffb",
        "arrived\u0307",
        "carrıer",
        "Ａ" * 3,
        "é☃",
        "N\u0661",
    ),
)
NUMBERS = (
    *(
        "0",
        "-0",
        "-1",
        "+1",
        "01",
        "1.0",
        "1e3",
        "1E0",
        "0x10",
        "1_000",
        "1,000",
        " 1",
        "1 ",
        "１",
        "NaN",
        "nan",
        "inf",
    ),
    *("-inf", "Infinity", "9999", "10000", "10001", "1000", "1001", "2147483648", "9223372036854775808", "9" * 400),
    *("1e309", "1e-400", "30", "30.0000001", "31", "0.1", ".5", "5.", "true", "null", "None", "[]", "{}", "1;2", "1|2"),
)
DATES = (
    *("1979-12-31", "1980-01-01", "2100-12-31", "2101-01-01", "0000-00-00", "0001-01-01", "9999-12-31", "2013-02-29"),
    *("2013-13-01", "2013-00-10", "2013-1-1", "20130101", "2013-W05-3", "2013-030", "01/02/2013", "today", "now()"),
    *("2013-01-31T00:00:00Z", "2013-01-30 ", "-2013-01-01", "+2013-01-01", "12013-01-01", "2012-02-29", "1e9"),
)
TIMES = (
    *("2013-01-01T12:00:00Z", "2013-01-01t12:00:00z", "2013-01-01T12:00:00.000001Z", "2013-01-01T12:00:00.9999999Z"),
    *("2013-01-01T12:00:00+00:00", "2013-01-01T12:00:00-23:59", "2013-01-01T12:00:00+24:00", "2013-01-01T12:00:00"),
    *(
        "2013-01-01T24:00:00Z",
        "2013-01-01T23:59:60Z",
        "2013-01-01 12:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "2013-01-01",
    ),
    *(
        "2999-12-31T23:59:59Z",
        "3000-01-01T00:00:00Z",
        "1000-01-01T00:00:00Z",
        "0999-12-31T00:00:00Z",
        "2013-02-30T00:00:00Z",
    ),
    *("2013-01-01T12:00:00.0000000001Z", "2013-01-01T12:00Z", "2013-01-01T12:00:00+1:00", "٢٠١٣-01-01T12:00:00Z"),
)
CASES = (
    "ua",
    "Arrived",
    "ARRIVED",
    "void",
    "Carrier",
    "carrier,",
    ",carrier",
    "carrier,,origin",
    "carrier origin",
    "-flights",
)
NAMES = (
    "__proto__",
    "carrier[]",
    "carrier[$ne]",
    "Carrier",
    "carrier ",
    " carrier",
    "CARRIER",
    "snapshot",
    "sql",
    "q",
    "ca\x00rrier",
)
ACCEPTS = (
    *("", "*/*", "application/json", "text/html", "application/*;q=0.1", "application/json;q=0", "*/*;q=0", ";;;", ","),
    *("application/json;q=1e400", "application/json;q=nan", "application/json;q=-1", "application/json; q=0.5; q=0"),
    *(
        "text/*",
        "a" * 3000,
        "application/json, " * 500,
        "application/xml, application/problem+json",
        "\xff\xfe",
        "json",
    ),
    *("application/json;charset=utf-16", "application/JSON", "*/json", "*", "application/json\x00", "image/png;q=1"),
)
METHODS = (
    "OPTIONS",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "TRACE",
    "CONNECT",
    "QUERY",
    "PROPFIND",
    "get",
    "GEТ",
    "X" * 200,
)
HEADERS = (
    ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Proto", "javascript"), ("X-HTTP-Method-Override", "DELETE"),
    ("Host", "evil.example"), ("Host", ""), ("X-Original-URL", "/admin"), ("Range", "bytes=0-0,-1,5-2"),
    ("If-None-Match", '*, W/"x", "'), ("If-Modified-Since", "yesterday"), ("Cookie", "a=b; " * 400),
    ("Content-Type", "multipart/form-data"), ("Content-Type", "application/json; charset=x"), ("Content-Length", "-5"),
    ("Transfer-Encoding", "chunked, identity"), ("Expect", "100-continue"), ("Accept-Encoding", "br;q=nan, *;q=x"),
    ("Accept-Language", "\xff"), ("Origin", "null"), ("Upgrade", "websocket"), ("Authorization", "Basic \x00"),
    ("User-Agent", "() { :;}; echo x"), ("Referer", "javascript:alert(1)"), ("X-Long", "y" * 60_000), ("", "empty name"),
)  # fmt: skip
RAW = (
    *(
        b"carrier=%",
        b"carrier=%z",
        b"carrier=%zz",
        b"carrier=%ff%fe",
        b"carrier=%00",
        b"carrier=%u0041",
        b"carrier=U%2541",
    ),
    *(
        b"carrier=UA;origin=EWR",
        b"&&&carrier=UA&&",
        b"=",
        b"=&=",
        b"carrier",
        b"carrier==UA",
        b"?carrier=UA",
        b"carrier=UA?x",
    ),
    *(
        b"carrier=UA#x",
        b"\xff\xfe=\xff",
        b"carrier=\xc3\x28",
        b"carrier=\xed\xa0\x80",
        b"%63arrier=%55A",
        b"carrier=UA+",
        b"+",
    ),
    *(
        b"carrier=UA&carrier",
        b"carrier[]=UA",
        b"carrier=UA&amp;origin=EWR",
        b"carrier=%C0%AF",
        b"%=%",
        b"a" * 70_000,
        b"&" * 9000,
    ),
    *(
        b"tail_number=%F0%9F%98%80",
        b"tail_number=%ED%A0%80",
        b"tail_number=\x80",
        b"limit=%31",
        b"limit=1%00",
        b"\x00=\x00",
    ),
)
TARGETS = (
    *(b"/", b"//", b"/v1", b"/v1/", b"/v1/stats/", b"/v1//stats", b"/V1/STATS", b"/v1/stats%2F", b"/v1/stats%00", b"/v1/stats;x=1"),
    *(b"/v1/../v1/stats", b"/v1/%2e%2e/v1/stats", b"/v1/flights/..", b"/v1/flights/../../etc/passwd", b"/v1/flights/%2e%2e%2fetc"),
    *(b"/v1/flights/", b"/v1/flights/%00", b"/v1/flights/%ff", b"/v1/flights/" + b"A" * 60_000, b"/v1/lake/", b"/v1/lake/x"),
    *(b"/metrics/", b"/.git/config", b"/.env", b"/admin", b"/openapi.yaml", b"/health/", b"/ready%20", b"/static/../app.py", b"/%"),
    *(b"\xff", b"/v1/flights/%C0%AE%C0%AE/x", b"/v1/flights/a/b", b"/v1/flights/a%2Fb", b"/v1/flights/2013-01-01-UA-1545-EWR/"),
    *(b"/" + b"a/" * 5000, b"/v1/stats\\", b"*", b"", b"http://evil.example/v1/stats", b"/v1/flights/{flight_id}"),
)  # fmt: skip
_LENGTHS = (11, 61, 1000, 20_000, 60_000)


def fuzzed(random: Random, right: str) -> str:
    """One value; sometimes a right one with one thing done to it."""
    pools = (INJECTIONS, PATHS, UNICODE, NUMBERS, DATES, TIMES, CASES)
    choice = random.randrange(10)
    if choice < 7:
        return random.choice(pools[choice])
    if choice == 7:
        return random.choice("Aa1'%\x00é☃-, ") * random.choice(_LENGTHS)
    return mutated(random, right)


def mutated(random: Random, text: str) -> str:
    """`text` with a character changed, doubled, dropped, full-width, or another case."""
    at = random.randrange(len(text)) if text else 0
    odd = random.choice("\x00 '\"%,;-_/é\u0301\u200b\ud800Ａ١")
    match random.randrange(6):
        case 0:
            return text[:at] + odd + text[at:]
        case 1:
            return text[:at] + text[at + 1 :]
        case 2:
            return text[:at] + "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text[at:])
        case 3:
            return text.swapcase()
        case 4:
            return text + text
        case _:
            return random.choice((" ", "\n", "\t", "")) + text + random.choice((" ", "\n", "", "\x00"))
