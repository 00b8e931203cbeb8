# cookiecutter: include "tokens/" ~ cookiecutter.token_type ~ "/test_tokens.py"
