# cookiecutter: include "tokens/" ~ cookiecutter.token_type ~ "/tokens.py"
