"""Open chat gateway: GMS Chat API v2 over REST and CometD, durable transcripts, customhttp push."""

__version__ = "0.1.0"
