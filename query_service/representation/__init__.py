"""The bytes of an answer: format, compression, ETag."""
