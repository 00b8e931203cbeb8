"""Refuses answers that would make a broken or an unsafe project.

A name that hides an import, a folder outside the output folder, an origin that no
browser sends or that lets in more than was meant: all are reported at once, with a
command line that works. Answers may come from anybody (a script, a replay file),
so they are read as data and never become part of a program. Cookiecutter renders
this file too, so it holds no mark but the one that brings the answers.
"""

from __future__ import annotations

import json
import keyword
import os
import re
import sys
import unicodedata
from collections.abc import Callable
from functools import partial

# main() adds `_taken_names` of cookiecutter.json to these: the project's own modules, all its
# dependencies by both their names, and the devices of Windows.
RESERVED = {*sys.stdlib_module_names, *map(str.lower, keyword.kwlist)}
# Noncharacters, which YAML refuses, are the last two of each plane of Unicode. Format
# characters may stay: emoji and several scripts need the joiners.
NONCHARACTERS = "".join(chr(end - 2) + chr(end - 1) for end in range(0x10000, 0x120000, 0x10000))
UNUSABLE = re.compile(f"[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{NONCHARACTERS}]")
# These addresses need no escape in `Contact: mailto:…`.
MAIL = re.compile(r"[\w!$'*+~-]+(?:\.[\w!$'*+~-]+)*@([a-z0-9-]+\.[a-z0-9.-]+)", re.A | re.I)
PAGE = re.compile(
    r"((?-i:https)://[a-z0-9.:-]+)(?:[/?#](?:[\w.~:/?#@!$&'()*+,;=-]|%[0-9a-f]{2})*)?", re.A | re.I
)
# Scheme, host and port, however people write them.
LOCATION = re.compile(
    r"(?:(https?|wss?)://)?(?:[^/@]*@)?(\[[0-9a-f:.]*\]|[^/?#:]+)(?::0*([0-9]*))?", re.I
)
# Browsers leave the default port out of the `Origin` that they send.
DEFAULT_PORT = {"http": "80", "https": "443"}
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

# `_source` in cookiecutter.json: update.py takes only https, and a quote would end it in TOML.
SOURCE = re.compile(r"https://[A-Za-z0-9][!#-\[\]-~]*")

# What is wrong, as the end of a sentence "question: 'answer' …", and what to try instead.
Fault = tuple[str, list[str]]


def text_fault(text: str, limit: int, otherwise: str = "") -> Fault | None:
    if otherwise and not any(each.isprintable() and not each.isspace() for each in text):
        words = "has no visible character"
    elif UNUSABLE.search(text):
        words = "contains a line break, a control character or a noncharacter"
    elif len(text) > limit:
        words = f"is longer than {limit} characters"
    else:
        return None
    return words, [" ".join(UNUSABLE.sub(" ", text).split())[:limit].strip(), otherwise]


def slug_fault(slug: str) -> Fault | None:
    if not re.fullmatch("[a-z][a-z0-9-]{0,48}[a-z0-9]", slug):
        words = (
            "is no folder name: use 2 to 50 of a-z, 0-9 and -, start with a letter, "
            "end with a letter or digit"
        )
    elif re.sub("-+", "_", slug) in RESERVED:
        words = "is a name that Python or the project itself already uses"
    else:
        return None
    letters = unicodedata.normalize("NFKD", slug).encode("ascii", "ignore").decode().lower()
    near = re.sub("[^a-z0-9]+", "-", letters).strip("-")
    start, end = near[:42].strip("-"), near[:47].strip("-") or "service"
    return words, [near[:50].strip("-"), f"{start}-service", f"my-{end}"]


def choice_fault(answer: str, choices: list[str]) -> Fault | None:
    fault = f"is none of {', '.join(choices)}", [answer.strip().lower(), choices[0]]
    return None if answer in choices else fault


def contact_fault(text: str) -> Fault | None:
    if (mail := MAIL.fullmatch(text)) and as_host(mail[1]) == mail[1].lower():
        return None
    if (page := PAGE.fullmatch(text)) and as_origin(page[1]) == page[1].lower():
        return None
    mails = [word.split("@", 1) for word in re.split(r"[\s<>:/]+", text) if "@" in word]
    near = [f"{name}@{as_host(host)}" for name, host in mails]
    if "@" not in text and (origin := as_origin(text.strip())):
        near = [origin + re.sub(r"^(\w+://)?[^/?#]*", "", text.strip()), origin]
    return "is neither an e-mail address nor an https URL", [*near, "security@example.com"]


def origin_fault(text: str, *, local: bool, of_every_site: str) -> Fault | None:
    if text == "*":
        return f"would let {of_every_site}, an attacker's too", []
    origin = as_origin(text, local=local)
    words = "is not an exact origin (https:// and a host, in lower case, without a path or *)"
    return None if text == origin else (words, [origin])


def as_origin(text: str, *, local: bool = False) -> str:
    """Return the origin that browsers send for an address; nothing where none is meant."""
    found = LOCATION.match(text)
    # A bare word (`null`, `self`, `data:`) is a keyword or a slip, not a host.
    if not found or not (found[1] or "." in found[2] or found[2].lower() == "localhost"):
        return ""
    written, host, port = (found[1] or "").lower(), as_host(found[2]), found[3] or ""
    by_http = local and written != "https" and host in {"localhost", "127.0.0.1"}
    scheme = "http" if by_http else "https"
    if port in {DEFAULT_PORT.get(written), DEFAULT_PORT[scheme]} or int(port[:6] or 0) > 65535:
        port = ""
    return f"{scheme}://{host}:{port}".rstrip(":") if host else ""


def as_host(text: str) -> str:
    """Return a host as browsers write it; nothing for what is none."""
    # Pasted text may contain these invisible characters, which browsers drop.
    text = re.sub("[\u00ad\u200b\u2060\ufeff]", "", text)
    text = unicodedata.normalize("NFKC", text).lower().replace("\u3002", ".").strip("*.")
    labels = [
        # Python's own "idna" would name another domain: it turns a sharp s into ss.
        label if label.isascii() else "xn--" + label.encode("punycode").decode()
        for label in text.split(".")
    ]
    # A browser reads such a host as an IP address, or refuses it.
    if text.startswith("[") or re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):
        return as_ip_address(text.strip("[]"))
    host = ".".join(labels)
    return host if len(host) <= 253 and all(map(LABEL.fullmatch, labels)) else ""


def as_ip_address(text: str) -> str:
    # Every render waits for this hook, so a module that few answers need is imported only here.
    import ipaddress

    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    address = getattr(address, "ipv4_mapped", None) or address
    return f"[{address}]" if address.version == 6 else str(address)


QUESTIONS: dict[str, Callable[[str], Fault | None]] = {
    "project_name": partial(text_fault, limit=100, otherwise="My Service"),
    "project_slug": slug_fault,
    "description": partial(text_fault, limit=300),
    "security_contact": contact_fault,
    "csp": partial(choice_fault, choices=["strict", "paranoid", "relaxed"]),
    "csp_sources": partial(origin_fault, local=False, of_every_site="pages load from every site"),
    "framing": partial(choice_fault, choices=["deny", "sameorigin", "allowlist"]),
    "frame_ancestors": partial(
        origin_fault, local=True, of_every_site="every site show your pages in a frame"
    ),
    "cors_origins": partial(
        origin_fault, local=True, of_every_site="the pages of every site call your API"
    ),
    "token_type": partial(choice_fault, choices=["opaque", "session", "jwt"]),
    "accounts": partial(choice_fault, choices=["builtin", "self-service"]),
}
LISTS = {"csp_sources", "frame_ancestors", "cors_origins"}
# What post_gen_project.py removes where people do not make their accounts themselves.
OF_ACCOUNTS = (
    *("app/accounts", "app/templates/accounts", "app/static/accounts", "tests/accounts"),
    *("secure_flask/accounts", "migrations/versions/0002_accounts.py"),
)


def sentence(question: str, value: object, words: str, better: str) -> str:
    both = map(ascii, (value, better))
    shown, near = (text if len(text) <= 100 else f"{text[:97]}..." for text in both)
    named = "name each site, such as https://app.example.com, or " if question in LISTS else ""
    advice = f"{near} would be accepted" if better else f"{named}leave it out"
    return f"{question}: {shown} {words}; {advice}."


def review(question: str, answer: object) -> tuple[list[str], str]:
    """Return an answer's problems, and an answer without them."""
    if not isinstance(answer, str):
        better = review(question, "")[1]
        return [sentence(question, answer, "is not text", better)], better
    fault_in, problems, kept = QUESTIONS[question], [], []
    for value in answer.replace(",", " ").split() if question in LISTS else [answer]:
        words, near = fault_in(value) or ("", [value])
        kept.append(next((text for text in near if not fault_in(text)), ""))
        if words:
            problems.append(sentence(question, value, words, kept[-1]))
    return problems, ",".join(dict.fromkeys(filter(None, kept))) if problems else answer


def examine(answers: dict[str, object]) -> tuple[list[str], dict[str, str]]:
    """Return the problems of all answers, and answers without them."""
    problems, accepted = [], {}
    for question in QUESTIONS:
        found, accepted[question] = review(question, answers.get(question))
        problems += found
    framing, listed = accepted["framing"], accepted["frame_ancestors"].replace(",", " ").split()
    if (framing == "allowlist") != bool(listed):
        accepted["framing"] = "allowlist" if listed else "deny"
        words = "does not go with an answer to" if listed else "needs an origin in"
        clash = sentence("framing", framing, f"{words} frame_ancestors", accepted["framing"])
        problems.append(clash)
    return problems, accepted


def without_marks(text: str) -> str:
    """Write text so that `--no-input`, which evaluates marks in an answer, gives it back."""
    opening, closing = "{" * 2, "}" * 2
    marks = r"\{(?=[%#{])|#(?= cookiecutter:)"
    return re.sub(marks, lambda mark: f"{opening}'{mark[0]}'{closing}", text)


def in_shell(text: str) -> str:
    """Quote for a POSIX shell; `printf` makes what this terminal cannot show or copy."""
    import shlex

    encoding = sys.stderr.encoding
    if text.isprintable() and text == text.encode(encoding, "ignore").decode(encoding):
        return shlex.quote(text)
    # `printf` gets these characters byte by byte, also the bytes of a path that are no UTF-8.
    text_bytes = text.encode("utf-8", "surrogateescape")
    octal = re.sub(rb"[^\w ./:=@]", lambda found: b"\\%03o" % found[0][0], text_bytes)
    return f"\"$(printf '{octal.decode()}')\""


def command_line(answers: dict[str, str], accepted: dict[str, str]) -> str:
    """Return a command that passes the accepted answers, to be run in the current folder."""
    import shutil

    words, template = ["cookiecutter"], answers["_template"]
    # uv and pipx run cookiecutter without putting it on the user's own PATH.
    if "UV" in os.environ or not shutil.which("cookiecutter"):
        words = [sys.executable, "-m", "cookiecutter"]
    folder, checkout = answers.get("_repo_dir", template), answers.get("_checkout")
    # Cookiecutter does not pass `--directory` to a hook, only the folder that this option selects.
    if folder != template and not os.path.exists(os.path.join(folder, ".git")):
        template, checkout = folder, None
    words += [template, *(["--checkout", checkout] if checkout else []), "--no-input"]
    if "_output_dir" in answers:
        words += ["--output-dir", answers["_output_dir"]]
    pairs = [f"{question}={in_shell(without_marks(text))}" for question, text in accepted.items()]
    return " ".join([*map(in_shell, words), *pairs])


REFUSAL = """
These answers cannot be used:

  {problems}

This command for a POSIX shell (on Windows: Git Bash) has the suggested answers instead:

  {command}

Nothing was written. What follows is cookiecutter's own report of this."""


NO_SOURCE = """
_source: {source} is no https address of a template. cookiecutter.json sets it, unless a file of
answers or the default_context of your own configuration does.

Nothing was written. What follows is cookiecutter's own report of this."""


IN_THE_WAY = """
Without accounts=self-service, this would delete these files of the project that exists here:

  {paths}

Rename the files, or answer accounts=self-service.

Nothing was written. What follows is cookiecutter's own report of this."""


def main() -> None:
    answers = json.loads(r"""{{ cookiecutter | tojson }}""")
    if not SOURCE.fullmatch(str(answers["_source"])):
        sys.exit(NO_SOURCE.format(source=ascii(answers["_source"])))
    RESERVED.update(" ".join(answers["_taken_names"]).split())
    problems, accepted = examine(answers)
    if problems:
        command = command_line(answers, accepted)
        sys.exit(REFUSAL.format(problems="\n  ".join(problems), command=command))
    there = [path for path in OF_ACCOUNTS if os.path.lexists(path)]
    if there and answers["accounts"] == "builtin":
        sys.exit(IN_THE_WAY.format(paths="\n  ".join(there)))


if __name__ == "__main__":
    main()
