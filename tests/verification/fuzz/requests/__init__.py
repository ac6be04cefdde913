"""Questions that nobody should ask, thousands of them from a seed, and what every answer has to be."""
