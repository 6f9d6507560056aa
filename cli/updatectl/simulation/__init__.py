"""`updatectl simulate` and `updatectl group simulate`: a rollout run through before it begins."""
