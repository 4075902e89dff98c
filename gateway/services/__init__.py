"""The object graph of one node, put together part by part.

`installation` is where a node lives and opens its stores (the only place that names a concrete backend),
`node` is the node with its life, and each other module puts one part together: `chat`, `personnel`, `files`,
`comet`, `push`. Who needs what is passed in by constructor; there is no registry and nothing global. Used by
`app`, `cli`, `welcome` and `worker`.
"""

from gateway.services.comet import bayeux_options
from gateway.services.installation import Installation
from gateway.services.node import Gateway

__all__ = ["Gateway", "Installation", "bayeux_options"]
