"""What somebody runs who tries, tests, changes or releases the template; nothing of it is rendered.

Each module says at its head when it is needed. `make help` and CONTRIBUTING.md have the commands.
"""
