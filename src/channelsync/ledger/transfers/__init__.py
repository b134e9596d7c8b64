"""Moving units between locations: they leave one place when they are shipped and lie on the transfer until they are received at the other."""
