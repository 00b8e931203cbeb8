"""Rewrite a project's modules to the names that moved: `python docs/moved.py app tests`.

The names are those of the table in CHANGELOG.md. What needs a decision is printed by file and line.
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

CHANGELOG = Path(__file__).parent.parent / "CHANGELOG.md"
ROW = re.compile(r"^\| `(app[\w.]*)` \| `(app[\w.]*)`", re.MULTILINE)
MOVED: dict[str, str] = dict(ROW.findall(CHANGELOG.read_text("utf-8")))

# Views returned these, and raise them now.
RAISED = {"app.security.errors.refusal", "app.security.limits.too_many"}
# `view_has("is_probe")` is `view_options().probe`.
ASKED = {"app.security.marks.view_has", "app.security.marks.view_mark"}
OPTIONS: dict[object, str] = {
    **{name: name for name in ("csp", "csrf_exempt", "errors", "limited")},
    "login_required": 'access == "login"',
    **{"answers": "responds", "is_probe": "probe", "status": "status", "takes": "consumes"},
}
METHODS = {"frees_at": "resets_at"}
# A view without a mark is closed now.
ROUTE = re.compile(r"\.(?:get|post|put|patch|delete|route)\(")
MARK = re.compile(r"\b(?:login_required|recent_login|roles_required|public)\b")


@dataclass
class Source:
    """A file: its imported names, the replacements to make in it, and what is left to its owner."""

    text: bytes
    nodes: list[ast.AST]
    # The full name of each node that names what was imported.
    uses: dict[ast.AST, str] = field(default_factory=dict)
    # What is to be imported in place of each imported name.
    imports: dict[str, set[str]] = field(default_factory=dict)
    edits: list[tuple[int, int, str]] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)

    def start(self, node: ast.stmt | ast.expr) -> int:
        return self._offset(node.lineno, node.col_offset)

    def end(self, node: ast.stmt | ast.expr) -> int:
        return self._offset(node.end_lineno or 0, node.end_col_offset or 0)

    def _offset(self, line: int, column: int) -> int:
        return sum(map(len, self.text.splitlines(keepends=True)[: line - 1])) + column

    def leave(self, node: ast.stmt | ast.expr, what: str) -> None:
        self.by_hand.append(f"{node.lineno}: {what}")

    def rewritten(self) -> bytes:
        text = self.text
        for start, end, new in sorted(self.edits, reverse=True):
            text = text[:start] + new.encode() + text[end:]
        return text


def moved(name: str) -> str:
    """Return where a dotted name is now: by its own row, or by that of what holds it."""
    holder, _, last = name.rpartition(".")
    return MOVED.get(name) or (f"{MOVED[holder]}.{last}" if holder in MOVED else name)


def rewrite(text: bytes) -> Source:
    source = Source(text, list(ast.walk(ast.parse(text))))
    imports = [
        node for node in source.nodes if isinstance(node, ast.ImportFrom) and node.level == 0
    ]
    for node in imports:
        for alias in node.names:
            rewrite_uses(source, alias, f"{node.module}.{alias.name}")
    raise_errors(source)
    ask_for_options(source)
    rename_methods(source)
    name_closed_views(source)
    for node in imports:
        rewrite_import(source, node)
    return source


def rewrite_uses(source: Source, alias: ast.alias, full: str) -> None:
    """Rename each use of an imported name: `refusal`, or `errors.refusal` by its module.

    Where the names of a module went several ways, each is imported by itself.
    """
    name = alias.asname or alias.name
    bare = {node for node in source.nodes if isinstance(node, ast.Name) and node.id == name}
    dotted = [
        node for node in source.nodes if isinstance(node, ast.Attribute) and node.value in bare
    ]
    bare -= {node.value for node in dotted if isinstance(node.value, ast.Name)}
    new = {moved(f"{full}.{node.attr}") for node in dotted}
    holders = {each.rpartition(".")[0] for each in new}
    for node in dotted:
        holder, _, last = moved(f"{full}.{node.attr}").rpartition(".")
        held_by = alias.asname or holder.rpartition(".")[2]
        note(source, node, f"{full}.{node.attr}", last if len(holders) > 1 else f"{held_by}.{last}")
    for each in bare:
        note(source, each, full, alias.asname or moved(full).rpartition(".")[2])
    source.imports[full] = new if len(holders) > 1 else holders
    if bare or not dotted:
        source.imports[full].add(moved(full))


def note(source: Source, node: ast.expr, full: str, new: str) -> None:
    source.uses[node] = full
    start, end = source.start(node), source.end(node)
    if source.text[start:end] != new.encode():
        source.edits.append((start, end, new))


def raise_errors(source: Source) -> None:
    """Turn `return refusal(…)` and `abort(refusal(…))` into `raise …`."""
    errors = {
        node
        for node in source.nodes
        if isinstance(node, ast.Call) and source.uses.get(node.func) in RAISED
    }
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef) and is_error_handler(node):
            for error in errors.intersection(ast.walk(node)):
                source.leave(error, "return response_for(error_response(…)) here")
                errors.discard(error)
    for node in source.nodes:
        value = node.value if isinstance(node, ast.Return | ast.Expr) else None
        if isinstance(value, ast.Call) and ast.unparse(value.func) in ("abort", "flask.abort"):
            value = value.args[0]
        if (
            isinstance(node, ast.Return | ast.Expr)
            and isinstance(value, ast.Call)
            and value in errors
        ):
            source.edits.append((source.start(node), source.start(value), "raise "))
            source.edits.append((source.end(value), source.end(node), ""))
            errors.discard(value)
    for error in errors:
        source.leave(error, "raise this")


def is_error_handler(function: ast.FunctionDef) -> bool:
    return any("errorhandler(" in ast.unparse(each) for each in function.decorator_list)


def ask_for_options(source: Source) -> None:
    """Turn `view_has("is_probe")` into `view_options().probe`."""
    for node in source.nodes:
        if isinstance(node, ast.Call) and source.uses.get(node.func) in ASKED:
            asked = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
            if asked in OPTIONS:
                new = f"().{OPTIONS[asked]}"
                source.edits.append((source.end(node.func), source.end(node), new))
            else:
                source.leave(node, "no option has this name: ask the view function for it")


def rename_methods(source: Source) -> None:
    if any(full.startswith("app.security.limits.") for full in source.uses.values()):
        for node in source.nodes:
            if isinstance(node, ast.Attribute) and node.attr in METHODS:
                end = source.end(node)
                source.edits.append((end - len(node.attr), end, METHODS[node.attr]))


def name_closed_views(source: Source) -> None:
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = " ".join(map(ast.unparse, node.decorator_list))
            if ROUTE.search(decorators) and not MARK.search(decorators):
                source.leave(node, f"{node.name} is closed now: add @public if it is for everybody")


def rewrite_import(source: Source, node: ast.ImportFrom) -> None:
    lines = []
    for alias in node.names:
        new = sorted(source.imports[f"{node.module}.{alias.name}"])
        called = f" as {alias.asname}" if alias.asname and len(new) == 1 else ""
        lines += ["from {} import {}".format(*each.rsplit(".", 1)) + called for each in new]
    if {*lines} != {f"from {node.module} import {ast.unparse(alias)}" for alias in node.names}:
        indented = f"\n{' ' * node.col_offset}".join(lines)
        source.edits.append((source.start(node), source.end(node), indented))


def main(folders: list[str]) -> None:
    for file in sorted(file for folder in folders for file in Path(folder).rglob("*.py")):
        try:
            source = rewrite(file.read_bytes())
        except SyntaxError as error:
            print(f"{file}:{error.lineno}: resolve the conflict here, then run this again")
            continue
        if source.rewritten() != source.text:
            file.write_bytes(source.rewritten())
            print(f"{file}: rewritten")
        for what in source.by_hand:
            print(f"{file}:{what}")


if __name__ == "__main__":
    main(sys.argv[1:])
