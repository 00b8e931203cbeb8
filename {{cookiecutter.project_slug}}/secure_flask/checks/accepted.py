"""Findings of `flask check` that the policy accepts: each one known, and with its reason.

Source: OWASP ASVS 13.4.2.
"""

from collections.abc import Mapping

from click import ClickException
from secure_flask.checks import registry


def check_accepted(accepted: Mapping[str, str]) -> None:
    """Refuse what would hide a finding for no reason, or hides none any more.

    :raises ClickException: no check has such an id, or its reason is empty.
    """
    for finding_id, reason in accepted.items():
        if finding_id not in registry.CHECKS:
            raise ClickException(
                f"policy.py: ACCEPTED_FINDINGS names {finding_id!r}, and no check has that id. "
                f"Write one of these: {', '.join(sorted(registry.CHECKS))}."
            )
        if not str(reason or "").strip():
            raise ClickException(
                f"policy.py: ACCEPTED_FINDINGS gives no reason for {finding_id!r}: "
                "write why you accept it."
            )
