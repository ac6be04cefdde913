"""HTTP: routes, parameters, responses, the OpenAPI document."""
