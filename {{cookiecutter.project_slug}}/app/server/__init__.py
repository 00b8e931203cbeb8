"""What this project changes inside gunicorn, one concern per module; see gunicorn.conf.py."""
