"""`python -m omaha_api`, `omaha-api`."""
