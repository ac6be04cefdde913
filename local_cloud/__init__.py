"""The cloud on a laptop: a Pub/Sub server, a GCS server, and real flights replayed as events."""
