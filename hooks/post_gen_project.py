"""Prints what to do next: the project is whole before it runs.

A hook that fails deletes the project, so this one prints ASCII alone (a console may
know no more) and ignores a reader that has gone.
"""

from __future__ import annotations

import contextlib
import json
import os

RUN = "make run"
# What `make run` wraps, for where there is no make.
RUN_ON_WINDOWS = r"""py -m venv .venv
    .venv\Scripts\pip install uv
    .venv\Scripts\uv sync
    .venv\Scripts\python -m secure_flask.settings
    .venv\Scripts\flask db upgrade
    .venv\Scripts\flask run --debug --host localhost"""

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


def advice(answers: dict[str, str]) -> str:
    elsewhere = answers["cors_origins"] + answers["frame_ancestors"]
    parts = [READY.format(run=RUN_ON_WINDOWS if os.name == "nt" else RUN, **answers), SUBDOMAINS]
    if answers["token_type"] == "session" and elsewhere:
        parts.append(SAME_SITE)
    if answers["security_contact"] == "security@example.com":
        parts.append(CONTACT)
    return "".join(parts)


def main() -> None:
    answers = json.loads(r"""{{ cookiecutter | tojson }}""")
    with contextlib.suppress(OSError):
        os.write(1, advice(answers).encode("ascii", "backslashreplace"))


if __name__ == "__main__":
    main()
