"""What an event is: its fields, its JSON Schema, its versions, its times."""
