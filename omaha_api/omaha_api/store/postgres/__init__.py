"""The fleet store on PostgreSQL, for several replicas."""
