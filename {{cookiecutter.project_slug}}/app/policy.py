"""The security policy: your answers to the template's questions, as data to edit.

`create_app` copies the upper-case names into `app.config`. The module named beside each
value validates it at start-up. A value that a browser would misread stops the app.
"""

from secure_flask import csp_syntax

PROJECT_NAME = "{{ cookiecutter.project_name | replace('\\', '\\\\') | replace('\u0022', '\\u0022') }}"  # fmt: skip
DESCRIPTION = "{{ cookiecutter.description | replace('\\', '\\\\') | replace('\u0022', '\\u0022') }}"  # fmt: skip

# Where to report a vulnerability: an e-mail address or https URL (secure_flask/security_txt.py).
SECURITY_CONTACT = "{{ cookiecutter.security_contact }}"  # fmt: skip

# Other origins that pages load styles, fonts and images from (secure_flask/web/csp.py).
CSP_SOURCES: list[str] = [
    # One exact origin per line, with the reason.
    # cookiecutter: for origin in cookiecutter.csp_sources.replace(",", " ").split() | unique
    "{{ origin }}",
    # cookiecutter: endfor
]

# Which sites may show the pages in a frame (secure_flask/web/framing.py). X-Frame-Options
# follows from it. http://localhost is ignored in production.
FRAME_ANCESTORS: list[str] = [
    # "'none'" for no site, "'self'" for this site, or one exact origin per line.
    # cookiecutter: set named = {"deny": "'none'", "sameorigin": "'self'"}
    # cookiecutter: set listed = named.get(cookiecutter.framing, cookiecutter.frame_ancestors)
    # cookiecutter: for source in listed.replace(",", " ").split() | unique
    "{{ source }}",
    # cookiecutter: endfor
]

# What `POST /login` by JSON gives a program: session, opaque, jwt or paseto. People on pages log
# in by a cookie in any case (secure_flask/auth/tokens/).
TOKEN_TYPE = "{{ cookiecutter.token_type }}"  # noqa: S105 - a kind of token, no password

# Which other origins may call this app from their pages (secure_flask/web/cors.py).
# http://localhost is ignored in production.
CORS_ORIGINS: list[str] = [
    # One exact origin per line, with the reason.
    # cookiecutter: for origin in cookiecutter.cors_origins.replace(",", " ").split() | unique
    "{{ origin }}",
    # cookiecutter: endfor
]

# Request headers that their scripts may send in addition to Authorization, Content-Type and
# X-CSRF-Token (secure_flask/web/cors.py). Some libraries add headers: Sentry adds sentry-trace and
# baggage, OpenTelemetry traceparent and tracestate, others X-Requested-With.
CORS_REQUEST_HEADERS: list[str] = [
    # One name per line, with the reason.
]

# Every view needs a login unless it is marked @public (secure_flask/auth/access.py). Views that carry no
# mark, such as those of an extension, are opened here.
PUBLIC_ENDPOINTS: dict[str, str] = {
    # As in "bootstrap.static": "The style sheets of Bootstrap."; `flask access` lists endpoints.
}

# The headers of every response (secure_flask/web/headers.py). A header that a view sets is kept.
HEADERS = {
    # No MIME sniffing: a browser does not run an uploaded text file as a script.
    "X-Content-Type-Options": "nosniff",
    # A page that opens ours gets no reference to its window (tab-nabbing, XS-Leaks).
    "Cross-Origin-Opener-Policy": "same-origin",
    # Other sites cannot embed our responses; a CORS fetch still works.
    "Cross-Origin-Resource-Policy": "same-origin",
    # cookiecutter: if cookiecutter.csp == "paranoid" and not cookiecutter.csp_sources.replace(",", " ").strip()
    # Our pages load only resources from sites that agree to it. With the opener policy this
    # gives our pages a separate browser process. Remove it to load from other sites.
    "Cross-Origin-Embedder-Policy": "require-corp",
    # cookiecutter: endif
    # Sibling subdomains get no synchronous access through document.domain.
    "Origin-Agent-Cluster": "?1",
    # Disables browser features that no page here uses, for injected scripts too.
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
        "magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()"
    ),
    # Old plug-ins such as Flash read no cross-domain policy file from this site.
    "X-Permitted-Cross-Domain-Policies": "none",
    # Disables the XSS filter of old browsers, which was itself a vulnerability.
    "X-XSS-Protection": "0",
    # Caches must not store responses with a nonce or with data of a login.
    "Cache-Control": "no-store, max-age=0",
}

# The additional headers of pages. `no-referrer` would make browsers send `Origin: null`
# with a page's own form posts, which csrf.py refuses.
PAGE_HEADERS = {"Referrer-Policy": "strict-origin-when-cross-origin"}

# The additional headers of all other responses.
OTHER_HEADERS = {"Referrer-Policy": "no-referrer"}

# Browsers use only https for two years, on subdomains too, so each needs a certificate.
# Add "; preload" only to submit the domain to hstspreload.org, which is hard to undo.
STRICT_TRANSPORT_SECURITY = "max-age=63072000; includeSubDomains"

# Findings of `flask check` that you accept, by id, each with its reason (secure_flask/checks/accepted.py).
ACCEPTED_FINDINGS: dict[str, str] = {
    # As in "database.sqlite": "One process serves the whole site.",
}

# A stricter policy to test beside the enforced one: browsers report its violations and
# block nothing. `None` for no test.
CSP_CANDIDATE: csp_syntax.Policy | None = None

# The Content-Security-Policy of pages (secure_flask/web/csp.py).
# cookiecutter: include "csp/" ~ cookiecutter.csp ~ ".py"
