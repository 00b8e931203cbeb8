"""Removes what was not chosen, and prints what to do next.

The project is complete before this hook runs. A hook that fails deletes the project. So this one
does not fail if a folder cannot be removed, which `flask check` reports. It prints only ASCII,
since a console may have no other characters, and ignores a closed output.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil

RUN = "make run"
# These commands do what `make run` does, on a system without make.
RUN_ON_WINDOWS = r"""py -m venv .venv
    .venv\Scripts\pip install "uv>=0.9.17"
    .venv\Scripts\uv sync
    .venv\Scripts\python -m secure_flask.settings
    .venv\Scripts\flask db upgrade
    .venv\Scripts\flask run --debug --host localhost"""

READY = """
{project_slug} is ready. To see it:

    cd {folder}
    {run}

Your answers are in app/policy.py, each with its reason. You can change them there.

Before it goes live:

"""

OF_ACCOUNTS = (
    *("app/accounts", "app/templates/accounts", "app/static/accounts", "tests/accounts"),
    "secure_flask/accounts",
)
MIGRATION = "migrations/versions/0002_accounts.py"

SUBDOMAINS = """\
- Over https the project tells browsers to use only https for two years, on every
  subdomain too (HSTS). Make sure that each subdomain has https.
"""

FRAMES = """\
- People log in with a cookie, which does not travel to a frame on another site: there
  your pages have no login. app.example.com in www.example.com is the same site.
"""

CALLERS = """\
- The session cookie does not travel to other sites. So a login works only from those
  cors_origins that are on the same site (app.example.com and api.example.com). For
  others set TOKEN_TYPE = "opaque" in app/policy.py.
"""

MAILS = """\
- People register by e-mail, so production needs PUBLIC_URL, MAIL_URL and MAIL_FROM: see
  .env.example. In development the mails are at /dev/mailbox.
"""

# Google serves the style sheets of its fonts from one origin, and the fonts from another.
STYLE_SHEETS_OF_GOOGLE = "https://fonts.googleapis.com"
FONTS_OF_GOOGLE = "https://fonts.gstatic.com"

FONTS = f"""\
- The style sheets of {STYLE_SHEETS_OF_GOOGLE} load fonts of
  {FONTS_OF_GOOGLE}: add it to CSP_SOURCES in app/policy.py.
"""

CONTACT = """\
- security.txt tells people to write to security@example.com: put your own address
  into app/policy.py.
"""


def advice(answers: dict[str, str]) -> str:
    run = RUN_ON_WINDOWS if os.name == "nt" else RUN
    # `make new` does not write into the current folder, so it passes the path in PROJECT_FOLDER.
    folder = os.environ.get("PROJECT_FOLDER", answers["project_slug"])
    parts = [READY.format(run=run, folder=folder, **answers), SUBDOMAINS]
    if with_fonts(answers["csp_sources"]) != answers["csp_sources"]:
        parts.append(FONTS)
    if answers["frame_ancestors"]:
        parts.append(FRAMES)
    if answers["cors_origins"] and answers["token_type"] == "session":
        parts.append(CALLERS)
    if answers["accounts"] == "self-service":
        parts.append(MAILS)
    if answers["security_contact"] == "security@example.com":
        parts.append(CONTACT)
    return "".join(parts)


def with_fonts(sources: str) -> str:
    """Return csp_sources, with the origin of Google's fonts if only that of their style sheets is there."""
    listed = sources.replace(",", " ").split()
    if STYLE_SHEETS_OF_GOOGLE not in listed or FONTS_OF_GOOGLE in listed:
        return sources
    return ",".join([*listed, FONTS_OF_GOOGLE])


def remove_accounts() -> None:
    for folder in OF_ACCOUNTS:
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        os.remove(MIGRATION)


def main() -> None:
    answers = json.loads(r"""{{ cookiecutter | tojson }}""")
    if answers["accounts"] == "builtin":
        remove_accounts()
    with contextlib.suppress(OSError):
        os.write(1, advice(answers).encode("ascii", "backslashreplace"))


if __name__ == "__main__":
    main()
