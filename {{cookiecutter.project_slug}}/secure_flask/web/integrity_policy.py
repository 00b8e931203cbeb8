"""Integrity-Policy: a page runs a script file only where the tag or the import map has its hash.

This applies to files of this site too, so a changed or uploaded file does not run. Browsers check
the hash of a module, or of a tag with `crossorigin`. A module that a script loads by `import()`
needs its hash in the import map or in a `modulepreload`. An injected script that runs all the same
can add a `modulepreload`, so the policy does not confine it.
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
    """Whether the level demands hashes, and no script of another site is allowed by its address.

    The other site can change that script and load more scripts, so a page cannot have the hashes.
    """
    if not getattr(level, "integrity", False):
        return False
    policy = {**csp.resolve_level(level, config), **dict(override)}
    scripts = {name: policy[name] for name in policy if name.startswith("script-src")}
    return not loads_elsewhere(scripts)
