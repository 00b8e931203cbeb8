"""Each message that `TEXTS` can translate: what the core says to people, and pydantic of members."""

import ast
import json
import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pydantic
from werkzeug.exceptions import default_exceptions

from docs.reference import FOLDER
from tools.benchmarks.rendered import module

# Which argument of these functions of the core is a message for people.
SPEAKING = {
    **{"error_response": 1, "field_error": 2, "_refused_access": 1},
    **{"Reason": 0, "translated_text": 0},
    # These say in a mail what happened to a factor.
    **{"factors_changed": 1, "_finish_change": 1, "_finish_removal": 1},
}
# Those that only programs get.
TO_PROGRAMS = {
    "Content-Type must be application/csp-report or reports+json",
    "Invalid refresh token",
    "Give an e-mail address like ada@example.org",
}
# What is wrong with members as on our pages.
WRONG: list[dict[str, object]] = [
    {"note": 1, "celsius": "x", "litres": "x", "done": 1, "id": "x", "other": 1},
    {"note": "\0", "celsius": -300.0, "litres": 100001},
    {"note": "a" * 81},
]
ENTRY = re.compile(r'^ +"([^"]+)": (?:\((?s:.*?)\n +\)|".*"),\n', re.MULTILINE)
PAGE = "docs/how-to/another-language.md"
OF_ACCOUNTS = "With `accounts=self-service`"

# The texts, each with whether only `accounts=self-service` has it.
Messages = dict[str, bool]


def page(text: str) -> str:
    """The page with an entry for each of these messages, and for no other one of the core."""
    needed = of_members() | of_core()
    # The page has the few of these that a site shows.
    known = {error().name: False for error in default_exceptions.values()} | needed
    steps = re.split(r"^(?=\d\. )", text, flags=re.MULTILINE)
    listed = {(key, is_step_of_accounts(step)) for step in steps for key in ENTRY.findall(step)}
    for message, of_accounts in sorted(needed.items() - listed):
        place = place_of_message(steps, of_accounts)
        steps[place] = with_message(steps[place], message)
    return "".join(without_others(step, known) for step in steps)


def place_of_message(steps: list[str], of_accounts: bool) -> int:
    """The index of the first step with messages of accounts, or with others."""
    here = (bool(ENTRY.search(step)) and is_step_of_accounts(step) == of_accounts for step in steps)
    return [*here].index(True)


def with_message(step: str, message: str) -> str:
    """The step with this message, in English until somebody writes German words."""
    print(f"{PAGE}: {message!r} has no German words yet. You may leave it so.")
    entry = f'       "{message}": "{message}",\n'
    return ENTRY.sub(lambda first: entry + first[0], step, count=1)


def is_step_of_accounts(step: str) -> bool:
    return OF_ACCOUNTS in step.partition("\n")[0]


def without_others(step: str, known: Messages) -> str:
    here = is_step_of_accounts(step)
    return ENTRY.sub(lambda entry: entry[0] if known.get(entry[1]) == here else "", step)


def of_core() -> Messages:
    """What the core says in its errors. Of the texts with a variable part it knows one."""
    trees = {
        file: ast.parse(file.read_text("utf-8")) for file in (FOLDER / "secure_flask").rglob("*.py")
    }
    named = constants(trees.values())
    most = module("secure_flask.accounts.names").MAX_NAME
    plain = module("secure_flask.web.errors").PLAIN_MESSAGES.values()
    found: Messages = {f"Must have 1 to {most} characters": True} | dict.fromkeys(plain, False)
    for file, tree in trees.items():
        of_accounts = "accounts" in file.relative_to(FOLDER).parts
        calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
        for text in {text for call in calls for text in spoken(call, named)} - TO_PROGRAMS:
            found[text] = of_accounts and found.get(text, True)
    return found


def constants(trees: Iterable[ast.Module]) -> dict[str, set[str]]:
    """The texts that stand in a constant, by its name: in two modules it may be another one."""
    named: dict[str, set[str]] = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            named.setdefault(ast.unparse(node.targets[0]), set()).add(str(node.value.value))
    return named


def spoken(call: ast.Call, named: dict[str, set[str]]) -> set[str]:
    place = SPEAKING.get(ast.unparse(call.func).rpartition(".")[2], len(call.args))
    return {text for each in call.args[place : place + 1] for text in texts_of(each, named)}


def texts_of(argument: ast.expr, named: dict[str, set[str]]) -> set[str]:
    match argument:
        case ast.Constant(str(text)):
            return {text}
        case ast.IfExp(body=body, orelse=other):
            return texts_of(body, named) | texts_of(other, named)
        case ast.Name(name) | ast.Attribute(attr=name):
            return named.get(name, set())
    return set()


def of_members() -> Messages:
    """What JSON says of the members in WRONG."""
    validation = module("secure_flask.web.validation")
    model = model_of_members(validation)
    said: Messages = {}
    for members in WRONG:
        try:
            model.model_validate_json(json.dumps(members))
        except pydantic.ValidationError as refused:
            said |= {validation._reason(each): False for each in refused.errors()}
    return said


def model_of_members(validation: Any) -> Any:
    return pydantic.create_model(
        "Sent",
        __base__=validation.Body,
        note=(validation.PlainText, pydantic.Field(max_length=80)),
        celsius=(float, pydantic.Field(ge=-273.15)),
        litres=(int, pydantic.Field(le=100000)),
        done=(bool, ...),
        id=(UUID, ...),
    )
