"""The values of the policy that accounts add."""

import pytest
from secure_flask import PolicyError

from core.conftest import MakeApp


@pytest.mark.parametrize("name", ["Admin", "admin ", " ", "", "admin,boss", "@admin", "a" * 81])
def test_a_second_factor_is_demanded_by_the_name_of_a_role(make_app: MakeApp, name: str) -> None:
    # No view can demand a role of this name, so it would protect nobody.
    with pytest.raises(PolicyError) as refused:
        make_app(fill=False, SECOND_FACTOR_ROLES=["boss", name])
    assert str(refused.value) == (
        f"policy.py: SECOND_FACTOR_ROLES holds {name!r}; write the name of a role, a word such as "
        "'admin' of lower-case letters, digits, - and _, which begins with a letter."
    )
