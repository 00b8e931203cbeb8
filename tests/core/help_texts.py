"""What `help()` shows of a public name: its parameters, units, errors and examples."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, get_overloads

CODE = re.compile(r"`([^`]+)`")
IS_NAME = re.compile(r"[\w.]+")
# An example is an expression or a statement, or the line of a decorator, a class or an `except`.
FORMS = ("{}", "{}\ndef view(): ...", "{}: ...", "try: ...\n{}: ...")
UNITS = re.compile(r"\b(bytes|characters|minutes|rows|seconds|status)\b")
# Each keyword is a directive of the browser.
TAKES_ANY_KEYWORD = {"csp"}


def own_help(value: Any) -> str:
    """The docstring of a function or class, and none that it inherits."""
    found = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
    return inspect.cleandoc(found or "")


def has_help(value: object) -> bool:
    """Whether `help()` shows the docstring of a value; of other objects it shows their class."""
    return inspect.isfunction(value) or inspect.isclass(value)


def public_values(module: ModuleType, *, shown: bool = True) -> dict[str, Any]:
    """The names of `__all__` that have a docstring, or the others."""
    found = {name: getattr(module, name) for name in module.__all__}
    return {name: value for name, value in found.items() if has_help(value) == shown}


def problems_of(name: str, value: Any) -> list[str]:
    """What is wrong with the help of a function or class."""
    checks = (
        _missing_example,
        _wrong_call,
        _missing_unit,
        _missing_error,
        _unclear_parameter,
        _missing_overload,
    )
    return [problem for check in checks for problem in check(name, value)]


def members_named(value: Any) -> set[str]:
    """The texts in backticks, such as the members of a dict."""
    return {*CODE.findall(own_help(value))}


def _examples(name: str, value: Any) -> Iterator[ast.Module]:
    for code in CODE.findall(own_help(value)):
        tree = None if IS_NAME.fullmatch(code) else _parsed(" ".join(code.split()))
        if tree and any(_is_named(node, name) for node in ast.walk(tree)):
            yield tree


def _parsed(code: str) -> ast.Module | None:
    for form in FORMS:
        try:
            return ast.parse(form.format(code))
        except SyntaxError:
            continue
    return None


def _is_named(node: ast.AST, name: str) -> bool:
    return getattr(node, "id", getattr(node, "attr", None)) == name


def _missing_example(name: str, value: Any) -> Iterator[str]:
    if not own_help(value):
        yield "it has no docstring"
    elif not any(_examples(name, value)):
        yield "no example in backticks uses it"


def _wrong_call(name: str, value: Any) -> Iterator[str]:
    for tree in _examples(name, value):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _is_named(node.func, name):
                given = {str(each.arg): None for each in node.keywords}
                try:
                    inspect.signature(value).bind(*node.args, **given)
                except TypeError as error:
                    yield f"{ast.unparse(node)}: {error}"


def _missing_unit(name: str, value: Any) -> Iterator[str]:
    sentences = re.split(r"[.;]\s|\n\n", own_help(value))
    for parameter in _parameters(value):
        if parameter.annotation in (int, int | None):
            said = [each for each in sentences if f"`{parameter.name}`" in each]
            if not any(map(UNITS.search, said)):
                yield f"the unit of {parameter.name} is missing"


def _missing_error(name: str, value: Any) -> Iterator[str]:
    if inspect.isfunction(value):
        source = inspect.getsource(value)
        raised = re.findall(r"(?:error_response|field_error)\((\d{3})", source)
        raised += [f":raises {each}" for each in re.findall(r"raise ([A-Z]\w+)", source)]
        yield from (f"{each} is missing" for each in raised if each not in own_help(value))


def _unclear_parameter(name: str, value: Any) -> Iterator[str]:
    for parameter in _parameters(value) if _is_decorator(name, value) else ():
        takes_any = parameter.kind is parameter.VAR_KEYWORD and name not in TAKES_ANY_KEYWORD
        if takes_any or parameter.annotation in (Any, parameter.empty):
            yield f"its signature does not say what {parameter.name} is"


def _missing_overload(name: str, value: Any) -> Iterator[str]:
    known = {each.name for each in _parameters(value)}
    for overload in get_overloads(value) if inspect.isfunction(value) else ():
        for parameter in _parameters(overload):
            if parameter.name not in known:
                yield f"help() does not show the parameter {parameter.name}"


def _is_decorator(name: str, value: Any) -> bool:
    lines = [
        getattr(line, "func", line)
        for tree in _examples(name, value)
        for node in ast.walk(tree)
        for line in getattr(node, "decorator_list", [])
    ]
    return any(_is_named(line, name) for line in lines)


def _parameters(value: Callable[..., object]) -> list[inspect.Parameter]:
    return [*inspect.signature(value).parameters.values()] if inspect.isfunction(value) else []
