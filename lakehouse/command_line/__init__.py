"""What all commands have in common: help, version, and errors that say what was probably meant."""

VERSION = "0.1.0"
