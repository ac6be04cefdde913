"""The OpenAPI document: schemas, examples, descriptions."""
