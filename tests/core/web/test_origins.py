"""What counts as an origin: an exact one, never a pattern or a near miss."""

from secure_flask.web.origins import is_origin

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
