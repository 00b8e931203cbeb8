CSP: csp_syntax.Policy = {
    "default-src": [csp_syntax.SELF],
    # Own files, inline scripts with the nonce, and the listed origins. Every script on those
    # origins can run here, so do not list an origin that serves files of other people.
    "script-src": [csp_syntax.SELF, csp_syntax.NONCE, *CSP_SOURCES],
    # No inline event handlers such as onclick="…", which cannot have a nonce.
    "script-src-attr": [csp_syntax.NONE],
    # Relaxed: style="…" works. An injected style works too: it can read attribute values
    # and cover the page.
    "style-src": [csp_syntax.SELF, csp_syntax.UNSAFE_INLINE, *CSP_SOURCES],
    # Relaxed: an injected image can send data to any https site.
    "img-src": [csp_syntax.SELF, csp_syntax.DATA, csp_syntax.HTTPS],
    "font-src": [csp_syntax.SELF, csp_syntax.DATA, *CSP_SOURCES],
    "object-src": [csp_syntax.NONE],
    # An injected <base> could redirect every relative URL.
    "base-uri": [csp_syntax.SELF],
    # An injected form could send a password to another site.
    "form-action": [csp_syntax.SELF],
    "frame-ancestors": FRAME_ANCESTORS,
}
