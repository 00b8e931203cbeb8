"""Public CDNs, which serve files of anybody: a policy that names one lets in an attacker's files.

Source: W3C Content Security Policy Level 3, section 7; Weichselbaum et al., "CSP Is Dead, Long
Live CSP!" (2016).
"""

from urllib.parse import urlsplit

# They serve files of any publisher, or libraries that bypass a policy.
HOSTS = frozenset(
    {
        "ajax.googleapis.com",
        "cdn.jsdelivr.net",
        "cdn.skypack.dev",
        "cdn.statically.io",
        "cdnjs.cloudflare.com",
        "esm.run",
        "esm.sh",
        "fastly.jsdelivr.net",
        "ga.jspm.io",
        "raw.githack.com",
        "raw.githubusercontent.com",
        "rawcdn.githack.com",
        "s3.amazonaws.com",
        "storage.googleapis.com",
        "unpkg.com",
    }
)


def is_whole_cdn(source: str) -> bool:
    """Whether a source of the policy is a public CDN, and not one file or folder of it."""
    parts = urlsplit(source if "//" in source else f"//{source}")
    return parts.hostname in HOSTS and parts.path in ("", "/")
