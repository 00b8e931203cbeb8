"""The answers given when this project was made, as data: edit them here.

`create_app` copies the upper-case names into `app.config`. The module named
beside each checks its values at start-up and refuses what a browser would
misread, so a slip stops the app instead of opening it.
"""

from app.security import csp_syntax

PROJECT_NAME = "{{ cookiecutter.project_name | replace('\\', '\\\\') | replace('\u0022', '\\u0022') }}"  # fmt: skip
DESCRIPTION = "{{ cookiecutter.description | replace('\\', '\\\\') | replace('\u0022', '\\u0022') }}"  # fmt: skip

# Whom to tell of a hole: an e-mail address or https URL (security_txt.py).
SECURITY_CONTACT = "{{ cookiecutter.security_contact }}"  # fmt: skip

# Other origins that pages load styles, fonts and images from (security/csp.py).
CSP_SOURCES: list[str] = [
    # One exact origin a line, with the reason.
    # cookiecutter: for origin in cookiecutter.csp_sources.replace(",", " ").split() | unique
    "{{ origin }}",
    # cookiecutter: endfor
]

# Who may show the pages in a frame (security/framing.py).
# X-Frame-Options follows from it. http://localhost counts only in development.
FRAME_ANCESTORS: list[str] = [
    # "'none'" nobody, "'self'" this site alone, or one exact origin a line.
    # cookiecutter: set named = {"deny": "'none'", "sameorigin": "'self'"}
    # cookiecutter: set listed = named.get(cookiecutter.framing, cookiecutter.frame_ancestors)
    # cookiecutter: for source in listed.replace(",", " ").split() | unique
    "{{ source }}",
    # cookiecutter: endfor
]

# Whose pages may call this one from another origin (security/cors.py).
# http://localhost counts only in development.
CORS_ORIGINS: list[str] = [
    # One exact origin a line, with the reason.
    # cookiecutter: for origin in cookiecutter.cors_origins.replace(",", " ").split() | unique
    "{{ origin }}",
    # cookiecutter: endfor
]

# Which headers their scripts may send beside Authorization, Content-Type and
# X-CSRF-Token (security/cors_headers.py). Libraries add some by themselves: Sentry
# sentry-trace and baggage, OpenTelemetry traceparent and tracestate, others X-Requested-With.
CORS_REQUEST_HEADERS: list[str] = [
    # One name a line, with the reason.
]

# What every answer carries (security/headers.py). A view that sets one keeps its own.
HEADERS = {
    # The declared type counts: no sniffing a text upload into a script.
    "X-Content-Type-Options": "nosniff",
    # A page that opens ours gets no handle on it (tab-nabbing, XS-Leaks).
    "Cross-Origin-Opener-Policy": "same-origin",
    # No other site embeds what we answer; a CORS fetch still works.
    "Cross-Origin-Resource-Policy": "same-origin",
    # cookiecutter: if cookiecutter.csp == "paranoid" and not cookiecutter.csp_sources.replace(",", " ").strip()
    # Our pages embed nothing from a site that has not agreed to it: needed, with
    # the opener policy, for a process of our own. Remove it to load from others.
    "Cross-Origin-Embedder-Policy": "require-corp",
    # cookiecutter: endif
    # Sibling origins get no synchronous access through document.domain.
    "Origin-Agent-Cluster": "?1",
    # What no page here uses, an injected script cannot switch on either.
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
        "magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()"
    ),
    # Old plug-ins read no policy file from here.
    "X-Permitted-Cross-Domain-Policies": "none",
    # Off: the filter it once switched on is gone from browsers and was a hole itself.
    "X-XSS-Protection": "0",
    # What a nonce or a login made must not be served again from a cache.
    "Cache-Control": "no-store, max-age=0",
}

# What only pages carry. `no-referrer` would make browsers send `Origin: null`
# on a page's own form posts, which csrf.py refuses.
PAGE_HEADERS = {"Referrer-Policy": "strict-origin-when-cross-origin"}

# What everything else carries.
OTHER_HEADERS = {"Referrer-Policy": "no-referrer"}

# Two years of https alone, on subdomains too: each of them must have a certificate.
# Add "; preload" only to submit the domain to hstspreload.org: it is hard to undo.
STRICT_TRANSPORT_SECURITY = "max-age=63072000; includeSubDomains"

# A stricter policy to try beside the enforced one: browsers report what it would
# have blocked and block nothing. `None` tries none.
CSP_CANDIDATE: csp_syntax.Policy | None = None

# The Content-Security-Policy of pages (security/csp.py).
# cookiecutter: include "csp/" ~ cookiecutter.csp ~ ".py"
