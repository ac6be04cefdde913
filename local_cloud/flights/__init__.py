"""The real flights of 2013 as events, and their replay."""
