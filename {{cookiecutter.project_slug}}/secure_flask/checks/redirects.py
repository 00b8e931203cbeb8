"""Finds redirects to an address that the request names: a link to this site would lead anywhere.

It reads the source of the modules that have views, and follows names within one function. An
address that a function has made or checked is not named.
Source: OWASP Unvalidated Redirects and Forwards Cheat Sheet; OWASP ASVS 3.7.2.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from flask import Flask
from secure_flask.checks.registry import Finding, register_check

_OF_REQUEST = {"args", "values", "form"}
_OF_PACKAGES = {"site-packages", "dist-packages", "secure_flask"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@register_check("redirects.unchecked", "warning")
def unchecked_redirects(app: Flask) -> Iterator[Finding]:
    for file in _files_of_views(app):
        for function in ast.walk(ast.parse(file.read_bytes())):
            for line in _unchecked_lines(function) if isinstance(function, _FUNCTIONS) else ():
                yield Finding(
                    f"{file.name}:{line} of {file.parent.name}/ redirects to an address that the "
                    "request names, which may be on any site.",
                    hint='Write redirect(checked_next() or "/") with checked_next of secure_flask, '
                    "which takes only pages of this site.",
                )


def _files_of_views(app: Flask) -> list[Path]:
    names = {getattr(view, "__module__", "") for view in app.view_functions.values()}
    written = (getattr(sys.modules.get(name), "__file__", None) for name in names)
    files = {Path(each) for each in written if each and each.endswith(".py")}
    return sorted(each for each in files if each.is_file() and _OF_PACKAGES.isdisjoint(each.parts))


def _unchecked_lines(function: ast.AST) -> Iterator[int]:
    nodes = list(_own_nodes(function))
    named = {name for node in nodes for name in _names_of_addresses(node)}
    for node in nodes:
        if isinstance(node, ast.Call) and _last_name(node.func) == "redirect":
            given = [*node.args[:1], *(each.value for each in node.keywords)]
            if any(_is_of_request(each, named) for each in given):
                yield node.lineno


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions within it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, _FUNCTIONS):
            yield child
            yield from _own_nodes(child)


def _names_of_addresses(node: ast.AST) -> Iterator[str]:
    """The names to which a statement assigns what the request names."""
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if node.value and _is_of_request(node.value, set()):
            yield from (each.id for each in targets if isinstance(each, ast.Name))


def _is_of_request(node: ast.AST, named: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in named
    if isinstance(node, ast.Attribute) and node.attr in _OF_REQUEST:
        return _last_name(node.value) == "request"
    # What another function returns is not followed; `.get` and `.strip` are methods of the value.
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and _is_of_request(node.func, named)
    return any(_is_of_request(each, named) for each in ast.iter_child_nodes(node))


def _last_name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
