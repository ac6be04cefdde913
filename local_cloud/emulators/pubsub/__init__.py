"""A Pub/Sub server for the official clients: it delivers each message until it is acked."""

from local_cloud.emulators.pubsub.clock import Clock
from local_cloud.emulators.pubsub.faults import Faults
from local_cloud.emulators.pubsub.server import PortTaken, PubsubServer

__all__ = ["Clock", "Faults", "PortTaken", "PubsubServer"]
