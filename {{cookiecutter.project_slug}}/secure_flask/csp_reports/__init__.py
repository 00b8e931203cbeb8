"""CSP reports: receives the reports of browsers, counts them and gives advice."""
