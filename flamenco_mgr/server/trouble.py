"""What asking the Server in vain looks like; the texts are for people, and credentials are in none of them."""


class ServerTrouble(Exception):
    """The Server was asked in vain."""


class ServerUnreachable(ServerTrouble):
    """No whole answer came: no connection, a broken one, or silence until the time was up."""


class ServerSilent(ServerUnreachable):
    """The time was up; if it was short, that says little about whether the Server is there."""


class BadReply(ServerTrouble):
    """An answer came that makes no sense: no JSON, wrong types, too long."""


class ServerRefused(ServerTrouble):
    """The Server answered with a status that is no success, and with these words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"the Server answered {status}: {words}" if words else f"the Server answered {status}")
        self.status = status
        self.words = words


class CredentialsRefused(ServerRefused):
    """The Server does not accept ``manager_id`` and ``manager_secret``: our trouble, not that of any task."""
