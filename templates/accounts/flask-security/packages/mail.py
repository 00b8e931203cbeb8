"""Mail: composed with the response, and sent after it by an SMTP server."""
