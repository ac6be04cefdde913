"""Tests the whole system as a user: publishes a ZZ event and looks for it over HTTP."""

VERSION = "0.1.0"
