"""Deterministic simulation: real writers, compactors, collectors and planners on one virtual clock.

A seed gives a scenario; a scenario replays exactly. Its faults:

- storage: refused or unavailable before the effect; the answer lost after the effect; an effect
  long after its error; pages of a listing taken at different times; outages; a jittering clock;
- subscription: lost pulls; lost, late or ignored acks and lease extensions; leases that end;
  messages delivered again (also after their ack), in any order and any batch; the same event under
  several message ids;
- publishers: wrong clocks, late events, equal event times in one message, invalid lines;
- processes: killed before or after any operation on storage or subscription and started again,
  stopped in order, or suspended until the snapshots that they knew have expired; clocks that are
  hours off.

The invariants: an answer is the newest event per flight of all events acked (and landed) when its
listing began, plus possibly some published since. After the faults, every published event is in the
state, superseded by a newer one, or rejected with its reason.
"""
