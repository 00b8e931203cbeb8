"""What the environment and `.env` set: secrets and addresses. `Base` has those of secure_flask."""

# cookiecutter: if cookiecutter.accounts == "self-service"
from secure_flask.accounts import AccountSettings as Base


# cookiecutter: else
from secure_flask import Settings as Base


# cookiecutter: endif
class Settings(Base):
    """One field for each environment variable: its name in lower case, a type and a default."""

    # As in: invoice_api_key: SecretStr, which is from pydantic.
    # A view reads it as current_app.config["INVOICE_API_KEY"].
