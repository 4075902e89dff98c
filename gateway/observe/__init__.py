"""What operators see: structured logs with one redaction point (`logs`) and Prometheus metrics (`metrics`).

Usable by every layer; imports nothing of ours.
"""
