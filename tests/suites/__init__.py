"""Runs the suite of another project, such as Flask or an extension, with the core in each app.

The suite runs in a process of its own, where plugins of pytest do all that is needed: `outcomes`
writes how each test ended, `wired` protects each app, and `cured` writes what the page of
differences tells an owner to write.
"""
