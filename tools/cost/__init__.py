"""What the system costs on Google Cloud: prices and counted requests to docs/cost.md."""
