"""`make new`: asks the questions and writes the project beside this folder.

cookiecutter asks all questions before it checks one answer, and prints a traceback below what
it refuses. Here each answer is checked when it is given, and asked for again with the reason.
"""

from __future__ import annotations

import os
import runpy
import shlex
import sys
from pathlib import Path
from typing import Any

from cookiecutter.config import get_user_config
from cookiecutter.exceptions import CookiecutterException
from cookiecutter.generate import generate_context
from cookiecutter.main import cookiecutter
from cookiecutter.prompt import read_user_choice, read_user_variable, render_variable
from cookiecutter.utils import create_env_with_context

from demo import checked_answers

TEMPLATE = Path(__file__).resolve().parent
HOOK = runpy.run_path(str(TEMPLATE / "hooks" / "pre_gen_project.py"))
POST_GEN = runpy.run_path(str(TEMPLATE / "hooks" / "post_gen_project.py"))

FONTS = f"Its style sheets load fonts of {POST_GEN['FONTS_OF_GOOGLE']}: press Enter to add it."
NO_SITE = "No site is named, so `framing` is deny: nobody may show your pages in a frame."


def main() -> None:
    # Not every shell replaces the `~` of `make new OUT=~/projects`.
    out = Path(*sys.argv[1:2]).expanduser().absolute()
    try:
        answers = ask_all(out)
    except (KeyboardInterrupt, EOFError):
        sys.exit("\nStopped: nothing was written.")
    # The hook prints this path, as the folder of the new project.
    folder = os.path.relpath(out / answers["project_slug"])
    os.environ["PROJECT_FOLDER"] = folder if os.name == "nt" else shlex.quote(folder)
    given = {question: HOOK["without_marks"](answer) for question, answer in answers.items()}
    cookiecutter(str(TEMPLATE), no_input=True, extra_context=given, output_dir=str(out))


def ask_all(out: Path) -> dict[str, str]:
    """Ask what the template asks; ANSWERS and the user's own defaults of cookiecutter are offered."""
    own = get_user_config()["default_context"]
    offered = own | checked_answers(sys.argv[2:])
    context = generate_context(str(TEMPLATE / "cookiecutter.json"), default_context=offered)
    asked = context["cookiecutter"]
    HOOK["RESERVED"].update(" ".join(asked["_taken_names"]).split())
    answers: dict[str, str] = {}
    for number, question in enumerate(HOOK["QUESTIONS"], 1):
        prefix = f"  [dim][{number}/{len(HOOK['QUESTIONS'])}][/] "
        if question == "frame_ancestors" and answers["framing"] != "allowlist":
            answers[question] = ""
            continue
        answers[question] = ask(context, question, answers, prefix, out)
    if answers["framing"] == "allowlist" and not answers["frame_ancestors"].strip(", "):
        answers |= {"framing": "deny", "frame_ancestors": ""}
        print(f"\n{NO_SITE}")
    return answers


def ask(
    context: dict[str, Any], question: str, answers: dict[str, str], prefix: str, out: Path
) -> str:
    """Ask one question until its answer can be used."""
    asked = context["cookiecutter"]
    default, prompts = asked[question], asked["__prompts__"]
    if isinstance(default, list):
        return str(read_user_choice(question, default, prompts, prefix))
    offered = render_variable(create_env_with_context(context), default, answers)
    while True:
        answer = str(read_user_variable(question, offered, prompts, prefix))
        if problems := problems_of(question, answer, out):
            print(*(f"        {problem}" for problem in problems), sep="\n")
            continue
        advised = POST_GEN["with_fonts"](answer) if question == "csp_sources" else answer
        # Somebody who gives the same answer again means it.
        if advised in (answer, offered):
            return answer
        print(f"        {FONTS}")
        offered = advised


def problems_of(question: str, answer: str, out: Path) -> list[str]:
    problems: list[str] = HOOK["review"](question, answer)[0]
    if question == "project_slug" and not problems and os.path.lexists(out / answer):
        return [f"{os.path.relpath(out / answer)} exists already: choose another name."]
    return [problem.removeprefix(f"{question}: ") for problem in problems]


if __name__ == "__main__":
    try:
        main()
    except (CookiecutterException, OSError) as error:
        sys.exit(f"\n{error}")
