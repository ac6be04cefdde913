"""What reads the outside tables as others do: DuckDB as an analyst has it, and Avro files."""
