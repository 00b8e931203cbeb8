"""What somebody runs who tries, tests, changes or releases the template; nothing of it is rendered.

Each module says at its head when it is needed. `make help` and CONTRIBUTING.md have the commands.
`requirements/` has the exact version of each package that the development of the template needs:
it is needed when a package has a new release. `bare-system` runs the tests as a newcomer has them.
"""
