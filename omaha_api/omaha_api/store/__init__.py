"""The fleet store on a database."""
