"""What a decorator noted on the view that a request is for, asked before the view is called."""

from flask import current_app, request


def view_has(mark: str) -> bool:
    """Whether the view has this attribute; an address without a view has none."""
    return hasattr(current_app.view_functions.get(request.endpoint or ""), mark)
