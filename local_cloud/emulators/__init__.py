"""Pub/Sub and Cloud Storage on this machine."""
