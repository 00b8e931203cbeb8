"""Integrity-Policy: a page runs a script file only where the tag or the import map has its hash.

Files of this site are meant too, so nothing runs that the page did not name byte for byte. Browsers
compare hashes only of requests by CORS: a module, or a tag with `crossorigin`. What a script
passes to `import()` needs its hash in the import map or in a `modulepreload`. A script of an
attacker's that runs all the same can add the latter, so this is no wall around it.
Source: W3C Subresource Integrity, section "Integrity-Policy".
"""

from collections.abc import Mapping
from typing import Any

from secure_flask.web import csp
from secure_flask.web.csp_syntax import loads_elsewhere

ENFORCED = "Integrity-Policy"
REPORT_ONLY = "Integrity-Policy-Report-Only"
INTEGRITY_HEADERS = (ENFORCED, REPORT_ONLY)
# `csp` is the endpoint of Reporting-Endpoints.
VALUE = "blocked-destinations=(script), endpoints=(csp)"


def integrity_headers(config: Mapping[str, Any], override: csp.Override = ()) -> dict[str, str]:
    """The headers of a page by name, for the level in force and for CSP_CANDIDATE."""
    name = REPORT_ONLY if config["CSP_REPORT_ONLY"] else ENFORCED
    levels = [(name, config["CSP"]), (REPORT_ONLY, config["CSP_CANDIDATE"])]
    return {name: VALUE for name, level in levels if _demands_hashes(level, config, override)}


def _demands_hashes(level: Any, config: Mapping[str, Any], override: csp.Override) -> bool:
    """Whether the level demands them, and no script of another site is allowed by its address.

    Such a script changes when its site likes, and loads more scripts, so no page has its hash.
    """
    if not getattr(level, "integrity", False):
        return False
    policy = {**csp.resolve_level(level, config), **dict(override)}
    scripts = {name: policy[name] for name in policy if name.startswith("script-src")}
    return not loads_elsewhere(scripts)
