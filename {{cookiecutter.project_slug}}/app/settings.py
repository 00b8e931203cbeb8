"""What the environment and `.env` set: secrets and addresses. `secure_flask` has its own."""

import secure_flask


class Settings(secure_flask.Settings):
    """One field for each environment variable, with its name in lower case, a type and a default."""

    # As in: invoice_api_key: SecretStr
    # A view reads it as current_app.config["INVOICE_API_KEY"].
