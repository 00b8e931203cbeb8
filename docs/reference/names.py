"""Each public name of the core: its signature as the code has it, and its docstring in Markdown."""

import ast
import inspect
import re
import subprocess
import sys
import textwrap
from types import ModuleType
from typing import Any

from tools.benchmarks.rendered import module

ENTRY = re.compile(r"^### `(\w+)`\n(?:(?!#{2,3} ).*\n)*", re.MULTILINE)
# An object has no docstring, so that of the core describes it.
OBJECT = re.compile(r"^- `(\w+)`: (.+(?:\n  .+)*)", re.MULTILINE)
RAISES = re.compile(r"^:raises ([\w.]+): ", re.MULTILINE)
ELLIPSIS: list[ast.stmt] = [ast.Expr(ast.Constant(...))]
FORMAT = (sys.executable, "-m", "ruff", "format", "--no-cache", "--stdin-filename=page.md", "-")


def page(text: str) -> str:
    """The page in its order, with what the code says below the title of each name."""
    core = module("secure_flask")
    if missing := {*core.__all__} - {*ENTRY.findall(text)}:
        titles = ", ".join(f"### `{name}`" for name in sorted(missing))
        raise SystemExit(f"reference/public-names.md: add a title for {titles}")
    objects = dict(OBJECT.findall(inspect.getdoc(core) or ""))
    written = ENTRY.sub(lambda title: entry(core, title[1], objects), text).rstrip() + "\n"
    return subprocess.check_output(FORMAT, input=written, encoding="utf-8")


def entry(core: ModuleType, name: str, objects: dict[str, str]) -> str:
    """The title, signature and docstring of a name, or nothing if it is public no more."""
    if name not in core.__all__:
        return ""
    value, text = getattr(core, name), objects.get(name, "").replace("\n  ", "\n")
    parts = [f"### `{name}`"]
    if text:
        parts.append(text[0].upper() + text[1:])
    if inspect.isfunction(value) or inspect.isclass(value):
        parts += described(value)
    if inspect.ismodule(value):
        for each in re.findall(rf"{name}\.(\w+)\(", text):
            parts += described(getattr(value, each))
    return "\n\n".join(parts) + "\n\n"


def described(value: Any) -> list[str]:
    node = class_of(value) if inspect.isclass(value) else function_of(value)
    docstring = RAISES.sub(r"- Raises `\1`: ", inspect.getdoc(value) or "")
    return [f"```python\n{ast.unparse(node)}\n```", docstring]


def class_of(value: Any) -> Any:
    """The class with its fields, and with `__init__` if that is one of the core."""
    node = statement(value)
    # A statement without a base makes a class with the base `object`.
    pairs = zip(node.bases, value.__bases__, strict=bool(node.bases))
    node.bases = [written for written, base in pairs if is_known(base)]
    fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
    # The core alone reads its class variables.
    node.body = [each for each in fields if "ClassVar" not in ast.unparse(each)]
    if is_of_core(value.__init__):
        node.body.append(function_of(value.__init__))
    node.body = node.body or ELLIPSIS
    return node


def function_of(value: Any) -> Any:
    """The function with the values of its defaults, and with the marks of libraries."""
    function = inspect.unwrap(value)
    node, names = statement(function), function.__globals__
    marks = node.decorator_list
    node.decorator_list = [each for each in marks if not is_of_core(names[ast.unparse(each)])]
    defaults = (node.args.defaults, node.args.kw_defaults)
    for constant in (each for group in defaults for each in group if isinstance(each, ast.Name)):
        constant.id = repr(names[constant.id])
    node.body = ELLIPSIS
    return node


def statement(value: Any) -> Any:
    """The syntax tree of what defines a class, a function or a method."""
    return ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]


def is_known(base: type) -> bool:
    """Whether a reader can look this base up: it is public here, or of a library."""
    return not is_of_core(base) or base.__name__ in module("secure_flask").__all__


def is_of_core(value: Any) -> bool:
    return getattr(value, "__module__", "").startswith("secure_flask")
