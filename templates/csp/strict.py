CSP: csp_syntax.Policy = {
    # Nothing loads unless a line below allows it.
    "default-src": [csp_syntax.NONE],
    # Only scripts that a template marked with this answer's nonce. No host beside
    # it: a script injected from that host would run too.
    "script-src": [csp_syntax.NONCE],
    "style-src": [csp_syntax.SELF, csp_syntax.NONCE, *CSP_SOURCES],
    # data: carries no script in an image.
    "img-src": [csp_syntax.SELF, csp_syntax.DATA, *CSP_SOURCES],
    "font-src": [csp_syntax.SELF, *CSP_SOURCES],
    "connect-src": [csp_syntax.SELF],
    "media-src": [csp_syntax.SELF],
    "manifest-src": [csp_syntax.SELF],
    "worker-src": [csp_syntax.SELF],
    "object-src": [csp_syntax.NONE],
    # An injected <base> would redirect every relative URL.
    "base-uri": [csp_syntax.NONE],
    # An injected form would carry a password to somebody else.
    "form-action": [csp_syntax.SELF],
    "frame-ancestors": FRAME_ANCESTORS,
}
