"""The systemd unit that keeps `clockbooks ui`, or a worker for it, running."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_dir

from connectors.errors import AskPerson
from flows.installed import shown

_UNIT = """\
[Unit]
Description={description}
After=network-online.target
Wants=network-online.target

[Service]
Type=exec
{user}WorkingDirectory={folder}
EnvironmentFile={optional}{environment}
ExecStart={command} {arguments}
Restart=on-failure
RestartSec=10
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictSUIDSGID=yes
{hardening}
[Install]
WantedBy={target}
"""

#: What only the system's own systemd can do everywhere: a user's needs the kernel's permission.
_SYSTEM_ONLY = """\
PrivateTmp=yes
ProtectControlGroups=yes
ProtectKernelTunables=yes
ProtectSystem=full
ReadWritePaths={folder}
"""


@dataclass(frozen=True)
class Service:
    """A unit of systemd, for the whole system or for one user.

    Attributes:
        worker: Whether it runs a worker instead of `clockbooks ui`.
        system: Whether it starts with the machine, and not with its user.
        folder: The working folder, whose owner it runs as.
        command: The file of the `clockbooks` command.
    """

    worker: bool
    system: bool
    folder: Path
    command: Path

    @property
    def name(self) -> str:
        """What systemd calls it."""
        return "clockbooks-worker" if self.worker else "clockbooks"

    @property
    def _etc(self) -> Path:
        return Path("/etc" if self.system else user_config_dir())

    @property
    def file(self) -> Path:
        """Where systemd looks for it."""
        return (
            self._etc / "systemd" / ("system" if self.system else "user") / f"{self.name}.service"
        )

    @property
    def environment_file(self) -> Path:
        """The file of its settings that may not be in `.env`; a worker does not start without."""
        return self._etc / "clockbooks.env"

    @property
    def user(self) -> str:
        """Who it runs as: the owner of the working folder, by name if there is one."""
        try:
            return self.folder.owner()
        except KeyError:
            return str(self.folder.stat().st_uid)

    @property
    def text(self) -> str:
        """The unit.

        Raises:
            AskPerson: A path in it has characters that systemd would read as something else.
        """
        worker = "prefect worker start --pool clockbooks --type process"
        return _UNIT.format(
            description="Clockbooks, a worker"
            if self.worker
            else "Clockbooks, pages and schedules",
            user=f"User={self.user}\n" if self.system else "",
            folder=_plain(self.folder),
            optional="" if self.worker else "-",
            environment=_plain(self.environment_file),
            command=_quoted(self.command),
            arguments=worker if self.worker else "ui",
            hardening=_SYSTEM_ONLY.format(folder=_quoted(self.folder)) if self.system else "",
            target="multi-user.target" if self.system else "default.target",
        )

    def write(self) -> None:
        """Put the unit where systemd looks for it; one that is there and differs stays.

        Raises:
            AskPerson: It differs, or cannot be written.
        """
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            if self.file.exists() and self.file.read_text(encoding="utf-8") != self.text:
                raise AskPerson(
                    f"{self.file} is there already and differs: nothing was written. Compare it"
                    " with what this prints without --write; delete it to have it written anew."
                )
            self.file.write_text(self.text, encoding="utf-8")
        except OSError as error:
            how = "run it as root" if self.system else "fix its permissions"
            raise AskPerson(f"Cannot write {self.file} ({error.strerror}): {how}.") from None

    def next_steps(self) -> list[str]:
        """Return what to type once the unit is written, and what to mind, a line each."""
        systemctl = "systemctl" if self.system else "systemctl --user"
        lines = [f"  {systemctl} daemon-reload", f"  {systemctl} enable --now {self.name}"]
        if not self.system:
            lines.append("  loginctl enable-linger    # so that it runs while you are logged out")
        elif self.user == "root":
            lines.append("It will run as root, who owns this folder: better give that to a user.")
        settings, reader = self.environment_file, "root" if self.system else "you"
        if names := _only_here():
            lines.append(
                f"It does not see what only this terminal has ({', '.join(names)}): first write"
                f" that as NAME=value lines into {settings}, which only {reader} may read."
            )
        if self.worker:
            lines.append(f"First fill {settings}, as {shown('docs/operations.md')} says.")
        return lines


def installed_command() -> Path:
    """Return the file of the `clockbooks` command that runs.

    Raises:
        AskPerson: It is in a cache, from which it may vanish.
    """
    beside = Path(sys.executable).with_name("clockbooks")
    command = beside if beside.exists() else Path(sys.argv[0]).absolute()
    # An environment may carry the mark of caches itself, so that nobody backs it up.
    if any((folder / "CACHEDIR.TAG").exists() for folder in command.parents[2:]):
        raise AskPerson(
            f"{command} is in a cache, which may be emptied any time: install Clockbooks first, for"
            " example with `uv tool install`, and run this with the installed command."
        )
    return command


def _only_here() -> list[str]:
    """Return the names of the settings that this terminal has and a service would not."""
    return sorted(
        name
        for name, value in os.environ.items()
        if value and (name.startswith(("CLOCKBOOKS_", "PREFECT_")) or name == "XDG_DATA_HOME")
    )


def _plain(path: Path) -> str:
    """Return a path for a line of its own; `%` begins a specifier of systemd's."""
    text = str(path)
    if not text.isprintable() or text != text.strip():
        raise AskPerson(f"The path {text!r} cannot be written into a unit: use another folder.")
    return text.replace("%", "%%")


def _quoted(path: Path) -> str:
    """Return a path as one word of a line."""
    text = _plain(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"' if set(text) & set(" '\"\\;") else text
