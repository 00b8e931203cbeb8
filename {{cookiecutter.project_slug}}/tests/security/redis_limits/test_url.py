"""Which spellings of a REDIS_URL work, and what is said of the others."""

import traceback

import pytest

from app.security.redis_limits.url import CLUSTER, ONE, SENTINEL, read

pytest.importorskip("redis")

LOGIN = {"username": "u", "password": "p/w"}

# A URL, and the kind, URL and options that it becomes.
READ = {
    "redis://h": (ONE, "redis://h", {}),
    "rediss://u:p%2Fw@h:1/2?ssl_ca_certs=/ca": (ONE, "rediss://u:p%2Fw@h:1/2?ssl_ca_certs=/ca", {}),
    "valkey://h/": (ONE, "redis://h/", {}),
    "valkeys://h:1": (ONE, "rediss://h:1", {}),
    "redis+sentinel://a:1,b:2/main": (SENTINEL, "redis+sentinel://a:1,b:2/main", {"ssl": False}),
    "redis+sentinel://[::1]:2/main": (SENTINEL, "redis+sentinel://[::1]:2/main", {"ssl": False}),
    "rediss+sentinel://u:p%2Fw@a:1/main?db=2&ssl_ca_certs=/ca": (
        *(SENTINEL, "redis+sentinel://a:1/main"),
        {"ssl": True, "db": 2, "ssl_ca_certs": "/ca", **LOGIN},
    ),
    "redis+cluster://u:p%2Fw@a:1,b:2/0": (
        *(CLUSTER, "redis+cluster://a:1,b:2/0"),
        {"ssl": False, **LOGIN},
    ),
    "valkeys+cluster://a:1": (CLUSTER, "redis+cluster://a:1", {"ssl": True}),
}

# A URL that cannot be meant, and the form that its message shows.
REFUSED = {
    "h:6379": "redis://user:password@host:6379/0 or redis+sentinel://",
    "unix:///run/redis.sock": "redis://",
    "redis://": "redis://user:password@host:6379/0",
    "redis://[": "redis://",
    "redis://a:1,b:1": "redis://",
    "redis://a,b": "redis://",
    "redis://h/main": "redis://",
    "rediss://h?ssl_ca_cert=/ca": "rediss://user:password@host:6379/0",
    "redis://h?ssl_ca_certs=/ca": "redis://",
    "redis://db%2eexample": "redis://",
    "redis://:hide@:6379/0?host=h": "redis://",
    "redis://h:99999": "redis://",
    "redis://h?retry=hide": "redis://",
    "redis://h?protocol=9": "redis://",
    "rediss://h?ssl_cert_reqs=hide": "rediss://",
    "rediss://h?ssl_cert_reqs=none&ssl_cert_reqs=required": "rediss://",
    "redis://:hide#me@h": "redis://",
    "redis://:hide/me@h": "redis://",
    "redis+sentinel://h:1": "redis+sentinel://user:password@host:26379,host:26379/service",
    "redis+sentinel://h/main": "redis+sentinel://",
    "redis+sentinel://h:1/main/0": "redis+sentinel://",
    "redis+sentinel://a:1,[::1]:2/main": "redis+sentinel://",
    "redis+sentinel://u:hide/me@h:1/main": "redis+sentinel://",
    "rediss+sentinel://h:1/main?hide=me": "rediss+sentinel://",
    "redis+cluster://h:1/main": "redis+cluster://user:password@host:6379,host:6379",
    "redis+cluster://h:1?sentinel_password=hide": "redis+cluster://",
    "redis+cluster://h:99999": "redis+cluster://",
    "redis+cluster://h:1?db=3": "redis+cluster://",
}


def test_each_kind_of_server_is_read(subtests: pytest.Subtests) -> None:
    for text, (kind, url, options) in READ.items():
        with subtests.test(text):
            address = read(text)
            assert (address.kind, address.url, address.options) == (kind, url, options)


def test_what_cannot_be_meant_is_refused_with_the_form_to_write(subtests: pytest.Subtests) -> None:
    for text, form in REFUSED.items():
        with subtests.test(text):
            with pytest.raises(ValueError, match=r"^must be ") as refused:
                read(text)
            assert str(refused.value).startswith(f"must be {form}")
            assert "hide" not in "".join(traceback.format_exception(refused.value))


def test_sentinels_get_the_login_of_the_servers_or_one_of_their_own() -> None:
    url = "rediss+sentinel://u:p%2Fw@h:1/main?db=1"
    assert read(url).sentinel_options == {"ssl": True, **LOGIN}
    for own, login in (
        ("sentinel_username=s&sentinel_password=t", {"username": "s", "password": "t"}),
        ("sentinel_password=", {"username": None, "password": ""}),
    ):
        address = read(f"{url}&{own}")
        assert address.sentinel_options == {"ssl": True, **login}
        assert address.options == {"ssl": True, "db": 1, **LOGIN}
