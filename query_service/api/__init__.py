"""Routes: from a request to a question, from an answer to a response."""
