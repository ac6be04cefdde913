"""How an answer is written: format, compression, ETag."""
