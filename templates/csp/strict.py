CSP: sources.Policy = {
    # Nothing loads unless a line below allows it.
    "default-src": [sources.NONE],
    # Only scripts that a template marked with this answer's nonce. No host beside
    # it: a script injected from that host would run too.
    "script-src": [sources.NONCE],
    "style-src": [sources.SELF, sources.NONCE, *CSP_SOURCES],
    # data: carries no script in an image.
    "img-src": [sources.SELF, sources.DATA, *CSP_SOURCES],
    "font-src": [sources.SELF, *CSP_SOURCES],
    "connect-src": [sources.SELF],
    "media-src": [sources.SELF],
    "manifest-src": [sources.SELF],
    "worker-src": [sources.SELF],
    "object-src": [sources.NONE],
    # An injected <base> would redirect every relative URL.
    "base-uri": [sources.NONE],
    # An injected form would carry a password to somebody else.
    "form-action": [sources.SELF],
    "frame-ancestors": FRAME_ANCESTORS,
}
