"""CometD channel: transports, the hub that delivers chat events, and the chat operations on service channels.

`bayeux/` decides what the protocol says; this package owns sockets, waiting and delivery. Entry point:
`endpoint.CometEndpoint`, a WSGI middleware in front of Flask. See docs/bayeux.md.
"""
