"""Operation ids, tags and summaries, from which client generators name their functions.

Source: OpenAPI Specification 3.1.1, "Operation Object".
"""

import re
from collections import Counter
from collections.abc import Container
from inspect import cleandoc
from typing import Any

from flask import Flask
from secure_flask.web.view_options import written_view

# A description ends before `:raises …`, which is for callers of the view, not of the route.
_FIELDS = re.compile(r"^:\w", re.MULTILINE)


def operation_ids(operations: list[tuple[str, str, str]]) -> list[str]:
    """A unique id for each endpoint, method and path, from these alone.

    It is the endpoint, as in `api.create_task`. The method follows where the endpoint has several,
    as in `pages.new_task.post`, and the path where that method has several.
    """
    methods = Counter(endpoint for endpoint, _ in {each[:2] for each in operations})
    paths = Counter(each[:2] for each in set(operations))
    ids: dict[str, None] = {}  # in order
    for endpoint, method, path in operations:
        wanted = _ascii(endpoint, ".")
        if methods[endpoint] > 1:
            wanted += f".{method.lower()}"
        if paths[endpoint, method] > 1:
            wanted += f".{_ascii(path)}"
        ids[_unused(wanted, ids)] = None
    return list(ids)


def tag_of(app: Flask, endpoint: str) -> str:
    """The name of the view's blueprint, as in `api`; that of the app for a view without one."""
    return endpoint.rpartition(".")[0] or app.name


def summary_and_description(app: Flask, endpoint: str, method: str) -> tuple[str, str]:
    """The first line of the view's docstring, and the others but for fields such as `:raises`.

    Without a docstring the summary is made of the endpoint: `api.create_task` is "Create task".
    """
    view: Any = written_view(app.view_functions.get(endpoint), method)
    # The docstring of another object, such as a partial, describes only its class.
    documented = isinstance(view, type) or hasattr(view, "__code__")
    docstring = cleandoc((view.__doc__ if documented else "") or "")
    first, _, others = _FIELDS.split(docstring, maxsplit=1)[0].partition("\n")
    name = endpoint.rpartition(".")[2].replace("_", " ").strip() or endpoint
    return first.strip() or name[:1].upper() + name[1:], others.strip()


def _ascii(text: str, kept: str = "") -> str:
    """Letters, digits and underscores, which every generator takes."""
    # The escapes keep two names of another script different.
    escaped = text.encode("ascii", "backslashreplace").decode()
    return re.sub(f"[^A-Za-z0-9{kept}]+", "_", escaped).strip("_") or "root"


def _unused(wanted: str, taken: Container[str]) -> str:
    number, found = 2, wanted
    while found in taken:
        number, found = number + 1, f"{wanted}.{number}"
    return found
