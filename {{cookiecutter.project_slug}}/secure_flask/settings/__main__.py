"""`python -m secure_flask.settings`: writes `.env` for development, or adds missing secrets."""

import secrets
import sys
from pathlib import Path

from secure_flask.settings import ENV_FILE, env_file, keyrings

CONFIGURATION_ERROR = 78  # EX_CONFIG of sysexits.h


def fresh_secrets() -> dict[str, str]:
    """Generate a value for each secret, those of every token type included."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ENCRYPTION_KEYS": keyrings.new(),
        "BLIND_INDEX_KEYS": keyrings.new(),
        "TOKEN_KEYS": keyrings.new(),
    }


def main(path: Path = ENV_FILE) -> None:
    """Complete the file, or exit with a sentence where it cannot be read or written."""
    try:
        print(env_file.complete(path, fresh_secrets()))
    except env_file.UNUSABLE as error:
        print(env_file.explain(error), file=sys.stderr)
        sys.exit(CONFIGURATION_ERROR)


if __name__ == "__main__":
    main()
