"""The security policy: the choices made when the project was created, and your changes.

`.venv/bin/flask policy` shows what is in force, all other names with their defaults, and where
each part comes from. A value that a browser would misread stops the app.
"""

from secure_flask import csp_levels

PROJECT_NAME = "{{ cookiecutter.project_name | replace('\\', '\\\\') | replace('\u0022', '\\u0022') }}"  # fmt: skip
DESCRIPTION = "{{ cookiecutter.description | replace('\\', '\\\\') | replace('\u0022', '\\u0022') }}"  # fmt: skip

# Where to report a vulnerability: an e-mail address or https URL, for security.txt.
SECURITY_CONTACT = "{{ cookiecutter.security_contact | replace('\\', '\\\\') | replace('\u0022', '\\u0022') }}"  # fmt: skip

# What may run and load in pages: STRICT, PARANOID or RELAXED (secure_flask/csp_levels.py).
# cookiecutter: if cookiecutter.csp == "strict"
CSP = csp_levels.STRICT

# cookiecutter: elif cookiecutter.csp == "paranoid"
CSP = csp_levels.PARANOID

# cookiecutter: else
CSP = csp_levels.RELAXED

# cookiecutter: endif
# Other origins that pages load styles, fonts and images from.
CSP_SOURCES: list[str] = [
    # One exact origin per line, with the reason.
    # cookiecutter: for origin in cookiecutter.csp_sources.replace(",", " ").split() | unique
    "{{ origin | replace('\\', '\\\\') | replace('\u0022', '\\u0022') }}",
    # cookiecutter: endfor
]

# Sources that you add to the level, by directive, each with its reason.
CSP_CHANGES: dict[str, list[str]] = {
    # As in "connect-src": ["https://api.example.org"].
}

# The sites that pages may lead to, beside those that they load from. None allows any site. If this
# is unset, the level decides: no other site at PARANOID, any site elsewhere.
# LINKS: list[str] | None = ["https://www.example.org"]

# Which sites may show the pages in a frame. http://localhost is ignored in production.
FRAME_ANCESTORS: list[str] = [
    # "'none'" for no site, "'self'" for this site, or one exact origin per line.
    # cookiecutter: set named = {"deny": "'none'", "sameorigin": "'self'"}
    # cookiecutter: set listed = named.get(cookiecutter.framing, cookiecutter.frame_ancestors)
    # cookiecutter: for source in listed.replace(",", " ").split() | unique
    "{{ source | replace('\\', '\\\\') | replace('\u0022', '\\u0022') }}",
    # cookiecutter: endfor
]

# Which other origins may call this app from their pages. http://localhost is ignored in production.
CORS_ORIGINS: list[str] = [
    # One exact origin per line, with the reason.
    # cookiecutter: for origin in cookiecutter.cors_origins.replace(",", " ").split() | unique
    "{{ origin | replace('\\', '\\\\') | replace('\u0022', '\\u0022') }}",
    # cookiecutter: endfor
]

# Which token apps and scripts get at login, `POST /login` by JSON: opaque (a random token), session
# (the cookie that browsers get, for a single-page app of this site) or jwt (a signed token that
# other services can check). Browsers always get a cookie.
TOKEN_TYPE = "{{ cookiecutter.token_type | replace('\\', '\\\\') | replace('\u0022', '\\u0022') }}"  # noqa: S105 - a kind of token, no password

# Headers that you add to every response, or change; None removes one.
HEADER_CHANGES: dict[str, str | None] = {
    # As in "Permissions-Policy": "camera=(self)".
}

# Views of extensions, which carry no mark of access, that everybody may call.
PUBLIC_ENDPOINTS: dict[str, str] = {
    # As in "bootstrap.static": "The style sheets of Bootstrap."; `flask access` lists endpoints.
}

# Findings of `flask check` that you accept, each with its reason.
ACCEPTED_FINDINGS: dict[str, str] = {
    # As in "database.sqlite": "One process serves the whole site.".
}

# Seconds until a login ends, and seconds without a request until it ends. If unset, the default
# of the kind of login applies.
# LOGIN_LIFETIME, LOGIN_IDLE = 12 * 60 * 60, 60 * 60
