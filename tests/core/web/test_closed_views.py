"""What a closed function is to those who look at it: the function that it closes."""

import asyncio
from inspect import iscoroutinefunction, signature
from typing import Any

import pytest
from secure_flask.web.view_options import close_view, view_below

from core.auth.ways_to_register import clone, with_wraps


class RefusedError(Exception):
    """What the demand here raises."""


def refuse() -> None:
    raise RefusedError


def accept() -> None:
    pass


def view(word: str) -> str:
    """Repeats a word."""
    return word


async def coroutine(word: str) -> str:
    return word


def test_it_looks_and_works_like_what_it_closes() -> None:
    closed, other = close_view(view, accept), close_view(coroutine, accept)
    assert (closed.__name__, closed.__doc__) == ("view", "Repeats a word.")
    assert (closed.__module__, signature(closed)) == (__name__, signature(view))
    assert [*map(iscoroutinefunction, (closed, other))] == [False, True]
    assert closed("a") == closed(word="a") == asyncio.run(other("a")) == "a"


def test_nothing_runs_where_the_demand_is_not_met() -> None:
    with pytest.raises(RefusedError):
        close_view(view, refuse)("a")
    with pytest.raises(RefusedError):
        asyncio.run(close_view(coroutine, refuse)("a"))


def test_only_a_closed_function_has_a_view_below() -> None:
    closed = [close_view(each, accept) for each in (view, coroutine)]
    assert [view_below(each) for each in closed] == [view, coroutine]
    others: list[Any] = [view, with_wraps(closed[0]), clone(closed[0]), object(), None]
    assert [view_below(each) for each in others] == [None] * 5
