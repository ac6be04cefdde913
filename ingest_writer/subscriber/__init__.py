"""From the subscription to landed files, and only then the ack."""
