"""Where the routes of the site and of the core are."""

LOGIN, LOGOUT, REAUTHENTICATE = "/login", "/logout", "/reauthenticate"
ME, PASSWORD, SESSIONS, KEYS = "/me", "/password", "/sessions", "/keys"
HEALTHZ, READYZ = "/healthz", "/readyz"
OPENAPI, REPORTS = "/openapi.json", "/csp-reports"
REFRESH, JWKS = "/token/refresh", "/.well-known/jwks.json"
