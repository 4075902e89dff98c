"""Helpers shared by tests: a real gateway process, small clients, waiting for conditions."""
