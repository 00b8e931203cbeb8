"""Flask's own server, for development: it hands on what was sent, as gunicorn does.

Otherwise app/security/targets.py and hosts.py would see another request than a proxy did.
"""

from typing import TYPE_CHECKING

from werkzeug import serving

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class RequestHandler(serving.WSGIRequestHandler):
    """http.server makes `/me` of `//me`; Werkzeug puts the host of a whole URL in place of Host."""

    def version_string(self) -> str:
        # It would name the version of Werkzeug and of Python.
        return "development"

    def make_environ(self) -> "WSGIEnvironment":
        sent = {
            "RAW_URI": self.requestline.split()[1],
            "HTTP_HOST": ",".join(self.headers.get_all("Host", [])),
        }
        return {**super().make_environ(), **sent}


# What `flask run` takes, since it names none.
serving.WSGIRequestHandler = RequestHandler  # type: ignore[misc]
