"""What counts as an origin: an exact one, never a pattern or a near miss."""

from secure_flask.web.origins import is_link, is_origin, matches_any_host, url_patterns

EXACT = """
https://app.example https://app.example:8443 https://a.b-c.example https://xn--bcher-kva.example
https://192.0.2.1 https://[2001:db8::1] https://localhost http://localhost http://localhost:3000
http://127.0.0.1:3000
"""

NEAR_MISSES = """
* null https://app.example:99999 https://[::::] app.example //app.example http://app.example
https:// https://*.example https://.app.example https://app.example. https://-app.example
https://App.example HTTPS://app.example https://b\u00fccher.example https://app.example/
https://app.example/path https://app.example? https://app.example# https://app.example:
https://app.example:443 https://app.example:0443 https://app.example:port
https://user@app.example http://localhost:80 http://localhost.evil.example http://127.0.0.2
http://[::1] ftp://app.example javascript:alert(1)
"""

WITH_SPACES = [
    "",
    "https://app.example\n",
    " https://app.example",
    "https://a.example https://b.example",
]


def test_an_exact_origin_counts_and_no_near_miss() -> None:
    written = [*EXACT.split(), *NEAR_MISSES.split(), *WITH_SPACES]
    assert [origin for origin in written if is_origin(origin)] == EXACT.split()


# A source in a page over https, and its patterns.
PATTERNS = {
    "https://a.example": ["https://a.example"],
    "https://a.example/": ["https://a.example"],
    "https://a.example/files/b.js": ["https://a.example"],
    "https://a.example:443": ["https://a.example"],
    "https://a.example:8443/": ["https://a.example:8443"],
    "https://a.example:80": ["https://a.example:80"],
    "https://a.example:*": ["https://a.example:*"],
    "https://*.a.example": ["https://*.a.example"],
    "https://xn--mnchen-3ya.example": ["https://xn--mnchen-3ya.example"],
    "https://[2001:db8::a]:8443": [r"https://[2001\:db8\:\:a]:8443"],
    "wss://a.example": ["https://a.example"],
    "wss://a.example:443": ["https://a.example"],
    "ws://a.example:8000": ["https://a.example:8000", "http://a.example:8000"],
    "http://a.example:80": ["https://a.example", "http://a.example"],
    "a.example": ["https://a.example"],
    "*.a.example:8443/x": ["https://*.a.example:8443"],
    "https://*": ["https://*"],
    "*": ["https://*:*"],
    "https:": ["https://*:*"],
    "wss:": ["https://*:*"],
    "http:": ["https://*:*", "http://*:*"],
    "sms:": ["sms:*"],
    # What a page makes itself, and what names no site.
    **{each: [] for each in ("data:", "blob:", "'self'", "'none'", "'nonce-x'", "'sha256-YQ=='")},
    # There is no such port.
    **{each: [] for each in ("https://a.example:99999", "a.example:99999")},
}


def test_a_source_becomes_patterns_that_match_what_csp_allows() -> None:
    assert {source: url_patterns(source, "https") for source in PATTERNS} == PATTERNS
    # A source without a scheme also means http in a page over http.
    assert url_patterns("a.example", "http") == ["https://a.example", "http://a.example"]
    assert url_patterns("*", "http") == ["https://*:*", "http://*:*"]


LINKS = [
    *("https://a.example", "https://a.example:8443", "https://a.example/"),
    *("https://*.a.example", "https://a.example:*", "https://*", "https://*:*"),
    *("http://a.example", "wss://a.example", "http://localhost:3000", "https://[::1]:8443"),
    *("sms:", "mailto:"),
]


NO_LINKS = [
    *("'self'", "'none'", "*", "a.example", "*.a.example", "https://a.example/path"),
    *("https://A.example", "https://münchen.example", "https://a.example:99999"),
    *("https://a.*.example", "https://*a.example", "https://me@a.example", "https://"),
    *("https://a.example?x", "https://a.example#x", 'https://a.example"', "https://[::g]"),
    *("https:", "http:", "wss:", "javascript:", "data:", "blob:", "about:", "file:", ""),
    *("https://a.example//", "ftp://a.example", "https://a.example\n", "https://a b.example"),
]


def test_a_link_is_an_origin_or_another_kind_of_scheme_and_nothing_that_opens_more() -> None:
    assert [link for link in LINKS + NO_LINKS if is_link(link)] == LINKS


def test_a_pattern_of_all_hosts_is_known() -> None:
    of_all = ["https://*", "https://*:*", "http://*:8000"]
    of_some = ["https://*.a.example", "mailto:*", "https://a.example:*"]
    assert [pattern for pattern in of_all + of_some if matches_any_host(pattern)] == of_all
