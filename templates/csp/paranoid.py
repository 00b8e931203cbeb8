CSP: csp_syntax.Policy = {
    # Nothing loads unless a directive below allows it.
    "default-src": [csp_syntax.NONE],
    # Only scripts with this response's nonce. Do not add a host, which would also allow
    # an injected script from that host.
    "script-src": [csp_syntax.NONCE],
    # No nonce: styles are allowed only in files.
    "style-src": [csp_syntax.SELF, *CSP_SOURCES],
    "img-src": [csp_syntax.SELF, *CSP_SOURCES],
    "font-src": [csp_syntax.SELF, *CSP_SOURCES],
    "connect-src": [csp_syntax.SELF],
    "manifest-src": [csp_syntax.SELF],
    "object-src": [csp_syntax.NONE],
    # An injected <base> could redirect every relative URL.
    "base-uri": [csp_syntax.NONE],
    # An injected form could send a password to another site.
    "form-action": [csp_syntax.SELF],
    "frame-ancestors": FRAME_ANCESTORS,
    # Scripts cannot turn text into markup or code: innerHTML and similar sinks throw.
    "require-trusted-types-for": [csp_syntax.SCRIPT],
    "trusted-types": [csp_syntax.NONE],
}
