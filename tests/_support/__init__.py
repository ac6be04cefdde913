"""What tests share: builders, fakes, oracles, clients."""
