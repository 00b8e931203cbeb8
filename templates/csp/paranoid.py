CSP: sources.Policy = {
    # Nothing loads unless a line below allows it.
    "default-src": [sources.NONE],
    # Only scripts that a template marked with this answer's nonce. No host beside
    # it: a script injected from that host would run too.
    "script-src": [sources.NONCE],
    # No nonce: styles come from files alone.
    "style-src": [sources.SELF, *CSP_SOURCES],
    "img-src": [sources.SELF, *CSP_SOURCES],
    "font-src": [sources.SELF, *CSP_SOURCES],
    "connect-src": [sources.SELF],
    "manifest-src": [sources.SELF],
    "object-src": [sources.NONE],
    # An injected <base> would redirect every relative URL.
    "base-uri": [sources.NONE],
    # An injected form would carry a password to somebody else.
    "form-action": [sources.SELF],
    "frame-ancestors": FRAME_ANCESTORS,
    # Text never becomes markup or code in the browser: innerHTML and its like throw.
    "require-trusted-types-for": [sources.SCRIPT],
    "trusted-types": [sources.NONE],
}
