"""What the services report: log lines, Prometheus text, a store that counts its calls."""
