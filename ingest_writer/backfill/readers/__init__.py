"""Readers: from a file in one of the formats that people have to rows with their lines and values."""
