"""Signed answers: which are signed, and with which keys."""
