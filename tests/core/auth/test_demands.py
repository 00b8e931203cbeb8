"""One demand for each mark of a function, and what its messages call the function."""

from functools import partial
from typing import Any

import pytest
from secure_flask import login_required, recent_login, roles_required
from secure_flask.web.view_options import marked_options


class Page:
    """A callable object."""

    def __call__(self) -> str:
        return ""


def view(argument: str) -> str:
    return argument


def number_of_demands(*marks: Any) -> int:
    def marked() -> str:
        return ""

    for mark in marks:
        mark(marked)
    return len(marked_options(marked).demands)


def test_the_same_mark_again_is_no_demand_more_but_another_age_or_role_is() -> None:
    same = (login_required, roles_required("b", "a"), roles_required("a", "b"))
    assert number_of_demands(*same, *same) == 2
    others = (*map(roles_required, "ab"), *(recent_login(minutes=age) for age in (5, 15)))
    assert number_of_demands(*others) == 4


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (view, f"{__name__}.view"),
        (Page(), f"{__name__}.Page"),
        (partial(view, "a secret"), "functools.partial"),
    ],
    ids=["function", "object", "partial"],
)
def test_a_message_names_a_function_and_shows_no_arguments(function: Any, name: str) -> None:
    with pytest.raises(RuntimeError) as refused:
        login_required(function)()
    assert str(refused.value).startswith(f"{name} is marked @login_required")
    assert "a secret" not in str(refused.value)
