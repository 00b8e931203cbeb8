"""`/me/data`, `DELETE /me`, `/account/delete`: people take their data with them, and leave.

Source: GDPR, articles 15, 17 and 20; OWASP ASVS 7.4.2, 7.5.1, 14.2.6.
"""

from flask import Response
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from secure_flask import accounts, consumes_form, limited, recent_login, responds

from app.accounts.routes import RECENT, blueprint, done, page
from app.current_user import current_user


@blueprint.get("/me/data")
@responds("application/json", 429)
@limited("20 per minute")
@recent_login(minutes=RECENT)
def download() -> ResponseReturnValue:
    """Download what the service stores about you."""
    response = Response(accounts.personal_data(current_user), mimetype="application/json")
    response.headers["Content-Disposition"] = 'attachment; filename="personal-data.json"'
    return response


@blueprint.delete("/me")
@responds(None, 409)
@recent_login(minutes=RECENT)
def delete_account() -> ResponseReturnValue:
    """Delete your account."""
    accounts.delete_account(current_user)
    return Response(status=204)


@blueprint.get("/account/delete")
@responds("text/html")
@recent_login(minutes=RECENT)
def leaving_page() -> ResponseReturnValue:
    """Show the page that deletes your account."""
    text = (
        f"This deletes your account {current_user.name} with its data, logins and passkeys. Nobody "
        "can undo it. Download your data first if you want to keep it."
    )
    data = {"endpoint": "self_service.download", "words": "Download your data"}
    shown = {"link": data, "button_class": "danger"}
    return page("Delete your account", text, FlaskForm(), "Delete my account", **shown)


@blueprint.post("/account/delete")
@responds("text/html", 409)
@recent_login(minutes=RECENT)
@consumes_form
def leave_by_form() -> ResponseReturnValue:
    """Delete your account by a form."""
    accounts.delete_account(current_user)
    return done("Goodbye", "Your account and its data were deleted.")
