"""Who is at the door of the fleet API: its certificate, the proxy in front of it, and the people behind that."""
