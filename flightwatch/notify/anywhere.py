"""Every service Apprise knows (Telegram, Teams, ntfy, Matrix …), as plain text. Needs the `apprise` extra."""

from __future__ import annotations

from typing import Any

from flightwatch.errors import ConfigError, DeliveryError
from flightwatch.notify import text
from flightwatch.notify.clean import tidy
from flightwatch.telling import Message


class Anywhere:
    """Apprise reports only success or failure. A failure is tried again, which may repeat a message if one of several
    services was reached."""

    spacing_s = 1.0

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.name = str(settings.name)

    def __repr__(self) -> str:
        return f"Anywhere({self.name!r})"

    def send(self, message: Message, *, doubtful: bool = False) -> str:
        try:
            import apprise
        except ImportError:
            raise ConfigError(
                f"channel {self.name}: Apprise is not installed; pip install 'flightwatch[apprise]'"
            ) from None
        service = apprise.Apprise()
        addresses = [line.strip() for line in str(self.settings.secret("urls")).splitlines() if line.strip()]
        for number, address in enumerate(addresses, 1):
            if not service.add(address):
                raise DeliveryError(f"channel {self.name}: Apprise does not know address {number}", permanent=True)
        neat = tidy(message)
        title, body = text.title(neat, doubtful), text.plain(neat, doubtful=doubtful).partition("\n\n")[2]
        if not service.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT):
            raise DeliveryError(f"channel {self.name}: Apprise could not deliver it", in_doubt=len(addresses) > 1)
        return f"handed to {len(addresses)} service{'s' if len(addresses) != 1 else ''}"
