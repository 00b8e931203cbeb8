"""Asks the deployed site as a visitor does: `flask check --deploy --url https://www.example.org`."""
