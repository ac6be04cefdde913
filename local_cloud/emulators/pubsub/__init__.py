"""A Pub/Sub server in the process, for the official clients: what is published comes back until it is acked."""

from local_cloud.emulators.pubsub.clock import Clock
from local_cloud.emulators.pubsub.faults import Faults
from local_cloud.emulators.pubsub.server import PortTaken, PubsubServer

__all__ = ["Clock", "Faults", "PortTaken", "PubsubServer"]
