"""Which sources of a policy are public CDNs."""

from secure_flask.web.public_cdns import is_whole_cdn


def test_a_public_cdn_is_known_in_each_spelling() -> None:
    for source in ("esm.sh", "https://esm.sh", "https://esm.sh/", "//esm.sh", "esm.sh:443"):
        assert is_whole_cdn(source)


def test_a_file_of_one_and_other_sites_are_none() -> None:
    for source in ("https://esm.sh/x@2.0/", "https://esm.sh.a.test", "https://a.test", "'self'"):
        assert not is_whole_cdn(source)
