"""A Pub/Sub server in the process, for the official clients: what is published comes back until it is acked."""

from local_cloud.pubsub.clock import Clock
from local_cloud.pubsub.faults import Faults
from local_cloud.pubsub.server import PortTaken, PubsubServer

__all__ = ["Clock", "Faults", "PortTaken", "PubsubServer"]
