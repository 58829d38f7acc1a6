"""Where notifications go: the addresses in CLOCKBOOKS_NOTIFY, in Apprise's form.

They are secrets: only the service that each leads to is ever shown. Apprise comes with Prefect.
"""

import logging

from apprise import Apprise, AppriseAsset, NotifyFormat

from connectors.errors import AskPerson
from connectors.masking import remember
from flows.settings import Settings, read_settings

# Its messages show addresses.
logging.getLogger("apprise").setLevel(logging.CRITICAL)

_TEST = "This is a test by `clockbooks notify --test`. Nothing is wrong."


def addresses(settings: Settings) -> Apprise:
    """Return the addresses for notifications.

    Raises:
        AskPerson: Apprise does not know one of them.
    """
    asset = AppriseAsset(app_id="Clockbooks", app_desc="Clockbooks", app_url="")
    known = Apprise(asset=asset)
    given = settings.notify.get_secret_value().split() if settings.notify else []
    for number, address in enumerate(given, start=1):
        remember(address)
        if not known.add(address):
            raise AskPerson(
                f"CLOCKBOOKS_NOTIFY: address number {number} is not valid. Use Apprise's addresses,"
                " such as mailtos://…, slack://… or jsons://…, separated by spaces."
            )
    return known


def services(known: Apprise) -> list[str]:
    """Return the service of each address, such as E-Mail or Slack."""
    return [str(one.service_name) for one in known]


def try_addresses(*, send: bool) -> list[tuple[str, bool | None]]:
    """Return the service of each address, and if something was sent whether it was accepted.

    Raises:
        AskPerson: There is none, or one is not valid.
    """
    known = addresses(read_settings())
    if not len(known):
        raise AskPerson(
            "Nobody is notified: set CLOCKBOOKS_NOTIFY in the environment, for example to"
            " mailtos://user:password@example.com; docs/operations.md has more."
        )
    title, text = "Clockbooks: a test", NotifyFormat.TEXT
    return [
        (name, bool(one.notify(title=title, body=_TEST, body_format=text)) if send else None)
        for name, one in zip(services(known), known, strict=True)
    ]
