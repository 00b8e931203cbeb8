"""`make new`: asks the questions and writes the project beside this folder.

cookiecutter asks all questions before it checks one answer, and prints a traceback below what
it refuses. Here each answer is checked when it is given, and asked for again with the reason.
`?` says more, `<` goes back, and a summary stands before anything is written.
"""

from __future__ import annotations

import os
import runpy
import shlex
import sys
import textwrap
from pathlib import Path
from typing import Any

from cookiecutter.config import get_user_config
from cookiecutter.exceptions import CookiecutterException
from cookiecutter.generate import generate_context
from cookiecutter.main import cookiecutter
from cookiecutter.prompt import read_user_variable, render_variable
from cookiecutter.utils import create_env_with_context

from tools.demo import checked_answers

TEMPLATE = Path(__file__).resolve().parents[1]
HOOK = runpy.run_path(str(TEMPLATE / "hooks" / "pre_gen_project.py"))
POST_GEN = runpy.run_path(str(TEMPLATE / "hooks" / "post_gen_project.py"))

BEGIN = "Enter is safe everywhere; you can change each answer later. ? says more, < goes back."
MORE, BACK = "?", "<"
WRITE = "Enter writes it, < goes back: "
NO_ANSWER = "{!r} is no answer: press Enter to write the project, or < to go back."
KEEPS = "Enter keeps these, a comma removes them"
FONTS = f"Its style sheets load fonts of {POST_GEN['FONTS_OF_GOOGLE']}: press Enter to add it."
NO_SITE = "No site is named, so `framing` is deny: nobody may show your pages in a frame."

# What `?` says of each question.
SAYS_MORE = {
    "project_name": """\
It stands on each page and in mails. Later: PROJECT_NAME in app/policy.py.""",
    "project_slug": """\
The image of a container has this name too. Later: rename the folder.""",
    "description": """\
It stands on the start page and in the README. Later: DESCRIPTION in app/policy.py.""",
    "security_contact": """\
The page /.well-known/security.txt shows it to people who find a weakness. Keep the example
if you have none yet: `flask check --deploy` reminds you. Later: SECURITY_CONTACT.""",
    "csp": """\
A script runs only with a mark, the nonce: a random value that is new for each page. Your
templates write it, and a script that an attacker puts into the page has none:
  <script nonce="{{ csp_nonce() }}" src="{{ asset('shop.js').url }}" ...>
So at strict an onclick="..." does not work, and what you paste may need a change:
- htmx: put its file into app/static/ and the nonce into its tag (docs/recipes/htmx.md).
- Tailwind's CDN adds styles without a mark: let Tailwind's own command write a file into
  app/static/ (docs/recipes/bootstrap.md does the same for Bootstrap).
- Google Analytics: put the nonce into its tags, and write into app/policy.py
  CSP_CHANGES = {"connect-src": ["https://*.google-analytics.com"]}
- a chat or a map: allow it on its page alone (docs/recipes/widget.md).
Later: CSP in app/policy.py (docs/how-to/pages-and-scripts.md).""",
    "csp_sources": """\
Leave it empty if your files are in app/static/: then no other site can change your pages.
Separate several by commas. Later: CSP_SOURCES in app/policy.py.""",
    "framing": """\
Choose another answer only if a page of yours stands inside a page of a portal or a shop.
Later: FRAME_ANCESTORS in app/policy.py.""",
    "frame_ancestors": """\
The sites whose pages contain yours. Separate several by commas. Enter without one means deny.
Later: FRAME_ANCESTORS in app/policy.py.""",
    "cors_origins": """\
Only pages of another address need it, such as a front end on app.example.com. Pages of this
project, mobile apps and scripts do not. Later: CORS_ORIGINS (docs/how-to/cors.md).""",
    "token_type": """\
If there are only pages, any: pages always use a cookie, so keep opaque. A page that is all
JavaScript: session (docs/recipes/single-page-app.md). Another service that checks the token
by itself: jwt (docs/recipes/second-service.md). Later: TOKEN_TYPE in app/policy.py.""",
    "accounts": """\
builtin: `flask user create NAME` makes each user. self-service adds folders, so it is switched
by a command, not by a line: commit, link the template by step 1 of
docs/update.md, and run
  uvx cruft update --variables-to-update '{"accounts": "self-service"}' --checkout v<version>""",
}
SUMMARY_SAYS_MORE = (
    "Nothing is written yet. < asks the last question again, and offers your answer."
)


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
    HOOK["RESERVED"].update(" ".join(context["cookiecutter"]["_taken_names"]).split())
    print(BEGIN)
    typed: dict[str, str] = {}
    place = 0
    while place <= len(questions_for(typed)):
        went_on = take_step(context, typed, place, out)
        place = place + 1 if went_on else max(place - 1, 0)
    return answers_of(context, typed)


def questions_for(typed: dict[str, str]) -> list[str]:
    """The questions that have an effect after these answers."""
    names = list(HOOK["QUESTIONS"])
    if typed.get("framing") != "allowlist":
        names.remove("frame_ancestors")
    return names


def take_step(context: dict[str, Any], typed: dict[str, str], place: int, out: Path) -> bool:
    """Ask the question at this place, or show the summary; whether to go on, and not back."""
    questions = questions_for(typed)
    if place == len(questions):
        return confirm(context, typed, out)
    question = questions[place]
    answer = ask(context, question, typed, out)
    if answer is None:
        return False
    typed[question] = answer
    # Another name gives another folder, unless somebody typed the folder.
    if question == "project_slug" and answer == default_of(context, question, typed):
        del typed[question]
    return True


def default_of(context: dict[str, Any], question: str, typed: dict[str, str]) -> str:
    default = context["cookiecutter"][question]
    if isinstance(default, list):
        return str(default[0])
    return str(render_variable(create_env_with_context(context), default, typed))


def answers_of(context: dict[str, Any], typed: dict[str, str]) -> dict[str, str]:
    """The answers to all questions, in their order."""
    answers = dict.fromkeys(HOOK["QUESTIONS"], "")
    for question in questions_for(typed):
        default = default_of(context, question, typed | answers)
        answers[question] = typed.get(question, default)
    if answers["framing"] == "allowlist" and not answers["frame_ancestors"].strip(", "):
        answers |= {"framing": "deny", "frame_ancestors": ""}
    return answers


def confirm(context: dict[str, Any], typed: dict[str, str], out: Path) -> bool:
    """Show what is written, and ask whether to write it, and not to go back."""
    answers = answers_of(context, typed)
    print(f"\n{os.path.relpath(out / answers['project_slug'])} gets these answers:\n")
    print(*(f"    {question:18}{answer}" for question, answer in answers.items()), "", sep="\n")
    if typed["framing"] != answers["framing"]:
        say(NO_SITE)
    while answer := input(WRITE):
        if answer == BACK:
            return False
        say(SUMMARY_SAYS_MORE if answer == MORE else NO_ANSWER.format(answer))
    return True


def ask(context: dict[str, Any], question: str, typed: dict[str, str], out: Path) -> str | None:
    """Ask one question until its answer can be used; None goes back."""
    words, choices = words_of(context, question)
    names = {name: number for number, name in choices.items()}
    offered = typed.get(question, default_of(context, question, typed))
    while True:
        if offered:
            words = words.replace("Enter for none", KEEPS)
        shown = names.get(offered, offered)
        given = str(read_user_variable(question, shown, {question: words}))
        if given == BACK:
            return None
        answer = choices.get(given, given)
        if question in HOOK["LISTS"]:
            answer = answer.strip(", ")
        objection = objection_to(question, answer, offered, out)
        if not objection:
            return answer
        say(objection)
        offered = advised(question, answer) if objection == FONTS else offered


def objection_to(question: str, answer: str, offered: str, out: Path) -> str:
    """What to say where an answer is not taken."""
    if answer == MORE:
        return SAYS_MORE[question]
    if problems := problems_of(question, answer, out):
        return "\n".join(problems)
    # Somebody who gives the same answer again means it.
    return "" if advised(question, answer) in (answer, offered) else FONTS


def advised(question: str, answer: str) -> str:
    return str(POST_GEN["with_fonts"](answer)) if question == "csp_sources" else answer


def words_of(context: dict[str, Any], question: str) -> tuple[str, dict[str, str]]:
    """The words of a question, and the names of its choices by their numbers."""
    default = context["cookiecutter"][question]
    prompt = context["cookiecutter"]["__prompts__"][question]
    names = list(HOOK["QUESTIONS"])
    prefix = f"  [dim][{names.index(question) + 1}/{len(names)}][/] "
    if isinstance(default, str):
        return prefix + prompt, {}
    choices = {str(number): name for number, name in enumerate(default, 1)}
    lines = [f"    [bold magenta]{key}[/] - [bold]{prompt[choices[key]]}[/]" for key in choices]
    last = f"    Choose from [{'/'.join(choices)}]"
    return "\n".join([prefix + prompt["__prompt__"], *lines, last]), choices


def say(text: str) -> None:
    print(textwrap.indent(text, " " * 8))


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
