"""Publishers of the outside tables that race, die and sleep, and readers that look after every step."""
