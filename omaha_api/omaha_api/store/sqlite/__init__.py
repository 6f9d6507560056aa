"""The fleet store on one SQLite file."""
