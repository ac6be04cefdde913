"""The whole of it in one thread's time: real writers, compactors, collectors and planners under one virtual clock.

A seed gives a scenario; a scenario replays exactly. What may go wrong in it:

- storage: refused or unavailable before the effect; the answer lost after the effect; an effect that takes place
  long after its error; listings whose pages are taken at different moments; outages; a clock that jitters;
- subscription: lost pulls, lost and late and ignored acks and lease extensions, leases that end, messages that come
  again (also after their ack), in any order, in any portion; the same event under several message ids;
- publishers: wrong clocks, late events, equal event times in one message, lines that cannot be decoded;
- processes: killed before or after any operation on storage or subscription and started again, stopped in order, or
  asleep for so long at one operation that what they knew is collected when they wake; clocks that are hours off.

What must hold: an answer is the newest event per flight over all that was acked (and landed) when its listing
began, plus possibly some that were published since; when the faults have ended, every published event is in the
state, superseded by a newer one, or rejected with its reason.
"""
