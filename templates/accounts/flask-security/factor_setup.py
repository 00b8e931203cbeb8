"""Sets up the second factor, changes and removes it, for JSON routes and pages alike.

The user logged in recently, or has to set a factor up to log in at all, since a role
demands one. Source: OWASP ASVS 6.5.1 to 6.5.3, 7.5.1.
"""

from typing import Any

from flask_security import recovery_codes, views

from app.accounts.factors import half_logins, library_views
from app.accounts.pending import PendingStep
from app.auth import access
from app.security.validation import Body

RECENT = 5  # minutes
ADDED = "An authenticator app was added"
# The states of a half login, by the library's names, whose user has to set a factor up.
SETUP_STATES = ("setup_from_login", "validating_profile")


def is_setup(half: PendingStep) -> bool:
    """Whether the user of a half login has to set a factor up first, since a role demands one."""
    return half.data.get("tf_state") in SETUP_STATES


def setting_up(body: Body | None = None) -> PendingStep | None:
    """The half login of this request, if it is for a setup."""
    half = half_logins.current(body)
    return half if half and is_setup(half) else None


def change_of(half: PendingStep) -> str:
    """What the login that completes this half login changes in the factors of its user."""
    return ADDED if half.data.get("tf_state") == "validating_profile" else ""


def begin(setup: str, body: Body | None = None) -> dict[str, Any]:
    """Start the setup of an authenticator app, or remove it, for `setup` "disable"."""
    removes = setup == "disable"
    half = None if removes else setting_up(body)
    if half is None:
        access.require_login(minutes=RECENT)
    change = "The authenticator app was removed" if removes else ""
    return library_views.call(views.two_factor_setup, body=body, half=half, change=change)


def finish(state: str, body: Body | None = None) -> dict[str, Any]:
    """Store the authenticator app whose setup `state` names.

    :raises ErrorResponse: 400, a wrong code, or a setup that took too long.
    """
    return library_views.call(views.two_factor_setup_validate, state, body=body, change=ADDED)


def new_recovery_codes(body: Body | None = None) -> dict[str, Any]:
    change = "The recovery codes were replaced"
    return library_views.call(recovery_codes.mf_recovery_codes, body=body, change=change)
