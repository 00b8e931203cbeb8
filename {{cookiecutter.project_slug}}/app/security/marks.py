"""What a decorator noted on the view that a request is for, asked before the view is called."""

from typing import Any

from flask import current_app, request


def view_has(mark: str) -> bool:
    """Whether the view has this attribute; an address without a view has none."""
    return view_mark(mark) is not None


def view_mark(mark: str) -> Any:
    """What was noted under this name; None where nothing was."""
    return getattr(current_app.view_functions.get(request.endpoint or ""), mark, None)
