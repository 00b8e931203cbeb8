"""Encryption at rest: protects values in a stolen database or backup.

All functions need the app context, which provides the keys. See docs/encryption.md.
"""
