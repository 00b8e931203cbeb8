"""Leaving: users download their data and delete their account."""
