"""Each event of the audit log with its level: those that OWASP names, and those of our own."""

import logging
from collections.abc import Iterator

from docs.reference import FOLDER, Fact, Facts
from tools.benchmarks.rendered import module

# The names of the OWASP Logging Vocabulary Cheat Sheet, with those of June 2026.
OWASP_NAMES = {
    *("authn_login_success", "authn_login_successafterfail", "authn_login_fail"),
    *("authn_login_fail_max", "authn_login_lock", "authn_password_change"),
    *("authn_password_change_fail", "authn_impossible_travel", "authn_token_created"),
    *("authn_token_revoked", "authn_token_reuse", "authn_token_delete"),
    *("authz_fail", "authz_change", "authz_admin", "crypt_decrypt_fail", "crypt_encrypt_fail"),
    *("excess_rate_limit_exceeded", "excess_sessions_exceeded"),
    *("upload_complete", "upload_stored", "upload_validation", "upload_delete"),
    *("input_validation_fail", "input_validation_discrete_fail", "malicious_excess_404"),
    *("malicious_extraneous", "malicious_attack_tool", "malicious_sqli", "malicious_cors"),
    *("malicious_direct_reference", "malicious_csrf", "malicious_csp_violation"),
    *("privilege_permissions_changed", "sensitive_create", "sensitive_read"),
    *("sensitive_update", "sensitive_delete", "sequence_fail", "session_created"),
    *("session_renewed", "session_expired", "session_logout", "session_use_after_expire"),
    *("sys_startup", "sys_shutdown", "sys_restart", "sys_crash", "sys_monitor_disabled"),
    *("sys_monitor_enabled", "user_created", "user_updated", "user_archived", "user_deleted"),
}


def of_owasp() -> Facts:
    return {name: fact for name, fact in facts().items() if name in OWASP_NAMES}


def of_our_own() -> Facts:
    return {name: fact for name, fact in facts().items() if name not in OWASP_NAMES}


def facts() -> Facts:
    levels, of_core = dict[str, set[int]](), set[str]()
    for place, name, level in events():
        levels.setdefault(name, set()).add(level)
        if not place.startswith("secure_flask.accounts"):
            of_core.add(name)
    return {
        name: Fact([f"`{name}`", shown(found)], name not in of_core)
        for name, found in levels.items()
    }


def events() -> Iterator[tuple[str, str, int]]:
    """The module, the name and the level of each event of the core."""
    kind = module("secure_flask.web.audit").Event
    for file in (FOLDER / "secure_flask").rglob("*.py"):
        if "Event(" in file.read_text("utf-8"):
            place = ".".join(file.relative_to(FOLDER).with_suffix("").parts)
            for value in vars(module(place)).values():
                if isinstance(value, kind):
                    yield place, value.name, value.level


def shown(levels: set[int]) -> str:
    """The names of the levels, the most severe first."""
    return ", ".join(logging.getLevelName(level).lower() for level in sorted(levels, reverse=True))
