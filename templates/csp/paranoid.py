CSP: csp_syntax.Policy = {
    # Nothing loads unless a line below allows it.
    "default-src": [csp_syntax.NONE],
    # Only scripts that a template marked with this answer's nonce. No host beside
    # it: a script injected from that host would run too.
    "script-src": [csp_syntax.NONCE],
    # No nonce: styles come from files alone.
    "style-src": [csp_syntax.SELF, *CSP_SOURCES],
    "img-src": [csp_syntax.SELF, *CSP_SOURCES],
    "font-src": [csp_syntax.SELF, *CSP_SOURCES],
    "connect-src": [csp_syntax.SELF],
    "manifest-src": [csp_syntax.SELF],
    "object-src": [csp_syntax.NONE],
    # An injected <base> would redirect every relative URL.
    "base-uri": [csp_syntax.NONE],
    # An injected form would carry a password to somebody else.
    "form-action": [csp_syntax.SELF],
    "frame-ancestors": FRAME_ANCESTORS,
    # Text never becomes markup or code in the browser: innerHTML and its like throw.
    "require-trusted-types-for": [csp_syntax.SCRIPT],
    "trusted-types": [csp_syntax.NONE],
}
