"""Telemetry of the services: log lines, Prometheus text, a store that counts its calls."""
