"""Removes the example: `.venv/bin/python tests/starter/remove.py` lists what goes, and asks.

The example is tasks, the page of people and `flask seed`. What names tasks counts as a part of it,
also where you wrote it. A migration drops the table.
Only git brings the files back, so it refuses while one of them is not committed.
"""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
WHOLE = [
    *("app/tasks.py", "app/people.py", "app/seed.py", "app/templates/task_list.html"),
    *("app/templates/task_form.html", "app/templates/people.html", "app/templates/person.html"),
    "app/templates/_example_cards.html",
    "tests/starter",
]
NAMED = re.compile("task", re.IGNORECASE)
# By file: what goes, and its name.
PARTS = {
    "app/__init__.py": (r", (people|seed)\b", "people and seed"),
    "app/templates/_navigation.html": (r".*\b(tasks|people)\b.*\n", "the links to the example"),
    "README.md": (r"(?ms)^## Delete the example\n.*?(?=^## )", "how to delete the example"),
}


def without_definitions(file: Path) -> tuple[str, list[str]]:
    """A module without the statements that name tasks, and the names that these define."""
    text = file.read_text("utf-8").replace(", with tasks as the example", "")
    lines, names = text.splitlines(keepends=True), []
    for node in reversed(ast.parse(text).body):
        begins = [node, *getattr(node, "decorator_list", [])]
        part = slice(min(each.lineno for each in begins) - 1, node.end_lineno)
        if NAMED.search("".join(lines[part])):
            names.append(getattr(node, "name", "imports"))
            lines[part] = yours(node)
    return "".join(lines), [*dict.fromkeys(reversed(names))]


def yours(node: ast.stmt) -> list[str]:
    """What stays of a statement that names tasks: the other names of an import."""
    if isinstance(node, ast.ImportFrom) and not NAMED.search(node.module or ""):
        node.names = [each for each in node.names if not NAMED.search(each.name)]
        return [f"{ast.unparse(node)}\n"] if node.names else []
    return []


def changes() -> dict[Path, tuple[str, list[str]]]:
    """Each file that stays in another form: that, and the names of what goes."""
    modules = [PROJECT / "app" / name for name in ("api.py", "pages.py")]
    changed = {file: without_definitions(file) for file in modules}
    for path, (pattern, name) in PARTS.items():
        text = (PROJECT / path).read_text("utf-8")
        changed[PROJECT / path] = re.sub(pattern, "", text), [name]
    return changed


def refuse_without_undo(changed: dict[Path, tuple[str, list[str]]]) -> None:
    """End if git does not have each file as it is now."""
    committed = git("ls-tree", "-r", "-z", "--name-only", "HEAD")
    edited = git("diff", "-z", "--name-only", "--relative", "HEAD")
    within = [file for path in WHOLE for file in [PROJECT / path, *(PROJECT / path).rglob("*")]]
    files = [file for file in [*within, *changed] if file.is_file() and file.suffix != ".pyc"]
    names = [file.relative_to(PROJECT).as_posix() for file in files]
    if lost := [name for name in names if name not in committed or name in edited]:
        sys.exit(
            "Nothing was changed, since git could not bring these back:\n  "
            + "\n  ".join(lost)
            + "\nCommit them first: git add --all && git commit"
        )


def git(*arguments: str) -> list[str]:
    """The names of files that git prints, from the folder of the project."""
    try:
        done = subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, check=True)  # noqa: S603, S607
    except (FileNotFoundError, subprocess.CalledProcessError):
        sys.exit(
            "Nothing was changed, since nothing could bring the files back. Put the project under "
            "git first: git init && git add --all && git commit"
        )
    return done.stdout.decode(errors="replace").split("\0")


def remove(changed: dict[Path, tuple[str, list[str]]]) -> None:
    for path in WHOLE:
        found = PROJECT / path
        if found.is_dir():
            shutil.rmtree(found)
        else:
            found.unlink(missing_ok=True)
    for file, (text, _) in changed.items():
        file.write_text(text, "utf-8")


def run(*command: str) -> None:
    # ruff fails where your code used what went, and shows the line.
    if subprocess.call([sys.executable, "-m", *command], cwd=PROJECT) and command[0] != "ruff":  # noqa: S603
        sys.exit(f"`{' '.join(command)}` failed: see above.")


def main() -> None:
    changed = changes()
    refuse_without_undo(changed)
    print("Deletes", ", ".join(WHOLE))
    for file, (_, names) in changed.items():
        print(f"Removes from {file.relative_to(PROJECT)}: {', '.join(names)}")
    try:
        answer = input("Go on? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        sys.exit("Nothing was changed.")
    run("flask", "db", "upgrade")
    remove(changed)
    run("ruff", "check", "--fix", "--quiet", "app")
    run("ruff", "format", "--quiet", "app")
    run("flask", "db", "migrate", "-m", "no tasks")
    run("flask", "db", "upgrade")
    files = [file for kind in ("py", "html") for file in (PROJECT / "app").rglob(f"*.{kind}")]
    left = [file for file in files if NAMED.search(file.read_text("utf-8"))]
    names = [file.relative_to(PROJECT).as_posix() for file in left]
    print("Still naming tasks:", ", ".join(names) or "nothing")


if __name__ == "__main__":
    main()
