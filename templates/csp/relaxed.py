CSP: csp_syntax.Policy = {
    "default-src": [csp_syntax.SELF],
    # Own files, marked inline scripts and the listed origins. Whatever those
    # origins serve may run here: list none that serves other people's files.
    "script-src": [csp_syntax.SELF, csp_syntax.NONCE, *CSP_SOURCES],
    # onclick="…" and its like take no nonce.
    "script-src-attr": [csp_syntax.NONE],
    # Loosened: style="…" works, and so does an injected one (it can read attribute
    # values and draw over the page).
    "style-src": [csp_syntax.SELF, csp_syntax.UNSAFE_INLINE, *CSP_SOURCES],
    # Loosened: an injected image can tell any https site that it was shown.
    "img-src": [csp_syntax.SELF, csp_syntax.DATA, csp_syntax.HTTPS],
    "font-src": [csp_syntax.SELF, csp_syntax.DATA, *CSP_SOURCES],
    "object-src": [csp_syntax.NONE],
    # An injected <base> would redirect every relative URL.
    "base-uri": [csp_syntax.SELF],
    # An injected form would carry a password to somebody else.
    "form-action": [csp_syntax.SELF],
    "frame-ancestors": FRAME_ANCESTORS,
}
