"""Syncs by airbyte-source-clockify what the stand-in has: all but user groups.

Arguments: address, workspace, key.
"""

import sys
from collections import Counter
from importlib.resources import files
from logging import getLogger

import yaml
from airbyte_cdk.models import (
    AirbyteStream,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    SyncMode,
)
from airbyte_cdk.sources.declarative.manifest_declarative_source import ManifestDeclarativeSource
from calls import call, check

ADDRESS, WORKSPACE, KEY = sys.argv[1:]
CONFIG = {"api_key": KEY, "workspace_id": WORKSPACE}
MANIFEST = files("source_clockify").joinpath("manifest.yaml").read_text()
STREAMS = ("users", "projects", "clients", "tags", "time_entries", "tasks")


def read(stream: AirbyteStream) -> Counter[str]:
    """Sync one stream, and count its messages by kind."""
    one = ConfiguredAirbyteStream(
        stream=stream,
        sync_mode=SyncMode.full_refresh,
        destination_sync_mode=DestinationSyncMode.overwrite,
    )
    catalog = ConfiguredAirbyteCatalog(streams=[one])
    return Counter(
        message.type.value for message in source.read(getLogger("peer"), CONFIG, catalog, {})
    )


manifest = yaml.safe_load(MANIFEST.replace("https://api.clockify.me/api/v1/", f"{ADDRESS}/api/v1/"))
source = call("SourceClockify", ManifestDeclarativeSource, manifest)
standing = call("check", source.check, getLogger("peer"), CONFIG)
check("the connection holds", holds=standing.status.value == "SUCCEEDED")
streams = {
    stream.name: stream for stream in call("discover", source.discover, None, CONFIG).streams
}
for name in STREAMS:
    messages = call(f"read {name}", read, streams[name])
    check(f"{name} has rows", holds=messages["RECORD"] > 0)
