"""The body of the response to a login, the same for each token type."""

from secure_flask.web.responses import ResponseBody


class LoginResponse(ResponseBody):
    """A login by cookie has no `token`, and only signed tokens have a `refresh_token`."""

    token: str = ""
    token_type: str
    expires_in: int  # seconds
    refresh_token: str = ""
