CSP: sources.Policy = {
    "default-src": [sources.SELF],
    # Own files, marked inline scripts and the listed origins. Whatever those
    # origins serve may run here: list none that serves other people's files.
    "script-src": [sources.SELF, sources.NONCE, *CSP_SOURCES],
    # onclick="…" and its like take no nonce.
    "script-src-attr": [sources.NONE],
    # Loosened: style="…" works, and so does an injected one (it can read attribute
    # values and draw over the page).
    "style-src": [sources.SELF, sources.UNSAFE_INLINE, *CSP_SOURCES],
    # Loosened: an injected image can tell any https site that it was shown.
    "img-src": [sources.SELF, sources.DATA, sources.HTTPS],
    "font-src": [sources.SELF, sources.DATA, *CSP_SOURCES],
    "object-src": [sources.NONE],
    # An injected <base> would redirect every relative URL.
    "base-uri": [sources.SELF],
    # An injected form would carry a password to somebody else.
    "form-action": [sources.SELF],
    "frame-ancestors": FRAME_ANCESTORS,
}
