CSP: csp_syntax.Policy = {
    # Nothing loads unless a directive below allows it.
    "default-src": [csp_syntax.NONE],
    # Only scripts with this response's nonce. Do not add a host, which would also allow
    # an injected script from that host.
    "script-src": [csp_syntax.NONCE],
    "style-src": [csp_syntax.SELF, csp_syntax.NONCE, *CSP_SOURCES],
    # Scripts in a data: image do not run.
    "img-src": [csp_syntax.SELF, csp_syntax.DATA, *CSP_SOURCES],
    "font-src": [csp_syntax.SELF, *CSP_SOURCES],
    "connect-src": [csp_syntax.SELF],
    "media-src": [csp_syntax.SELF],
    "manifest-src": [csp_syntax.SELF],
    "worker-src": [csp_syntax.SELF],
    "object-src": [csp_syntax.NONE],
    # An injected <base> could redirect every relative URL.
    "base-uri": [csp_syntax.NONE],
    # An injected form could send a password to another site.
    "form-action": [csp_syntax.SELF],
    "frame-ancestors": FRAME_ANCESTORS,
}
