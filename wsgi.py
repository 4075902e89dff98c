"""Entry point for WSGI servers: `gunicorn -c gunicorn.conf.py wsgi:app`, `flask --app wsgi run`."""

import os
import sys

from gateway.app import create_app
from gateway.config.errors import ConfigError
from gateway.observe import logs
from gateway.services import Gateway, Installation
from gateway.welcome import follow_port, greet, local_url

# gunicorn's word for "this worker will never start": its master then stops instead of trying again.
BOOT_FAILED = 3


def _build() -> Gateway:
    """The node of this process; a configuration that cannot work ends it with one line."""
    environ = dict(os.environ)
    try:
        installation = Installation.from_environment(environ)
        settings = installation.settings_source().current
        receiver = follow_port(local_url(environ), settings.get("push", "customhttp.url"))
        if settings.demo.enabled and receiver:
            environ["GATEWAY__PUSH__CUSTOMHTTP_URL"] = receiver
        logs.configure(format=settings.log.format, level=settings.log.level)
        return Gateway.build(installation)
    except ConfigError as error:
        print(f"gateway: {error}", file=sys.stderr)  # noqa: T201 - for the person who started it
        sys.exit(BOOT_FAILED)


gateway = _build()
gateway.settings.subscribe(lambda _old, new: logs.configure(format=new.log.format, level=new.log.level))
gateway.start()
app = create_app(gateway)
greet(gateway, os.environ)
