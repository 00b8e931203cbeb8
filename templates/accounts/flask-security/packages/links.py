"""What a mailed link does: sign-up, recovery and changes of the address."""
