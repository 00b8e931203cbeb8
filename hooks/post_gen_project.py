"""Prints what to do next, and removes empty folders: the project is whole before it runs.

A hook that fails deletes the project, so this one prints ASCII alone (a console may
know no more) and ignores a reader that has gone.
"""

from __future__ import annotations

import contextlib
import json
import os

FOLDERS = ("factors", "leaving", "links", "mail")

RUN = "make run"
# What `make run` wraps, for where there is no make.
RUN_ON_WINDOWS = r"""py -m venv .venv
    .venv\Scripts\pip install uv
    .venv\Scripts\uv sync
    .venv\Scripts\python -m app.settings
    .venv\Scripts\flask db upgrade
    .venv\Scripts\flask run --reload --host localhost"""

# A folder cannot be conditional: these stay empty where no answer needs them.
ONLY_FOR_SOME = [
    "app/templates/mail",
    *(f"{tree}/accounts/{name}" for tree in ("app", "tests") for name in FOLDERS),
]

READY = """
{project_slug} is ready. To see it:

    cd {project_slug}
    {run}

Your answers are in app/policy.py, each with its reason: change them there.

Before it goes live:

"""

SUBDOMAINS = """\
- Over https it tells browsers to use nothing else for two years, on every
  subdomain too (HSTS): make sure that each of them has https.
"""

SAME_SITE = """\
- The session cookie does not travel between different sites. So cors_origins and
  frame_ancestors serve the origins of its own site (app.example.com beside
  api.example.com); for others choose a token_type that is sent as a bearer token.
"""

CONTACT = """\
- security.txt tells people to write to security@example.com: put your own address
  into app/policy.py.
"""


MAIL = """\
- People register and get new passwords by mail: set PUBLIC_URL, MAIL_URL and
  MAIL_FROM. Until then, in development, /dev/mailbox shows the mails.
"""


def advice(answers: dict[str, str]) -> str:
    elsewhere = answers["cors_origins"] + answers["frame_ancestors"]
    parts = [READY.format(run=RUN_ON_WINDOWS if os.name == "nt" else RUN, **answers), SUBDOMAINS]
    if answers["token_type"] == "session" and elsewhere:
        parts.append(SAME_SITE)
    if answers["accounts"] == "flask-security":
        parts.append(MAIL)
    if answers["security_contact"] == "security@example.com":
        parts.append(CONTACT)
    return "".join(parts)


def main() -> None:
    for folder in ONLY_FOR_SOME:
        # Refused for one that holds files.
        with contextlib.suppress(OSError):
            os.rmdir(folder)
    answers = json.loads(r"""{{ cookiecutter | tojson }}""")
    with contextlib.suppress(OSError):
        os.write(1, advice(answers).encode("ascii", "backslashreplace"))


if __name__ == "__main__":
    main()
