"""The values of the policy that accounts add."""

from typing import Annotated

from pydantic import AfterValidator, Field
from secure_flask.auth.users import ROLE_RULE, is_role
from secure_flask.policy import Policy
from secure_flask.policy_types import Listed


def _role(name: str) -> str:
    if not is_role(name):
        raise ValueError(f"write the name of a role, {ROLE_RULE}")
    return name


class AccountPolicy(Policy):
    """The policy of a project with accounts."""

    # Whether strangers may register.
    REGISTRATION: bool = True
    # Names by which a user could pass for somebody who runs the site.
    RESERVED_NAMES: Listed[str] = Field(
        ["admin", "administrator", "postmaster", "root", "security", "support"]
    )
    # Whether a user gets a mail after a login from a new place.
    NEW_LOGIN_NOTICE: bool = True
    # Users with one of these roles log in with a second factor.
    SECOND_FACTOR_ROLES: Listed[Annotated[str, AfterValidator(_role)]] = Field([])
    # The endpoint where a browser enters the second factor.
    SECOND_FACTOR_PAGE: str = "self_service.second_factor_page"
