"""What kafka-python's integration tests start servers with. The server that they run against here is there already."""


class ExternalService:
    """A server that somebody else starts and stops."""

    def __init__(self, host, port):
        self.host = host
        self.port = port

    def open(self):
        """Nothing to start."""

    def close(self, *_args, **_kwargs):
        """Nothing to stop."""

    stop = close


class SpawnedService:
    """Only named by tests that start servers of their own."""
