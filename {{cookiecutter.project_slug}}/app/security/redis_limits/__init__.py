"""Rate limits that processes share, in the servers that `REDIS_URL` names."""
