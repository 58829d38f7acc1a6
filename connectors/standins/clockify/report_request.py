"""What a request for Clockify's detailed report may ask (FACTS 4); its OpenAPI names the fields."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from connectors.standins.clockify.http import SortOrder

AmountKind = Literal["EARNED", "COST", "PROFIT", "HIDE_AMOUNT", "EXPORT"]
Contains = Literal["CONTAINS", "DOES_NOT_CONTAIN", "CONTAINS_ONLY"]


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class IdFilter(_Body):
    """Rows with, or without, one of these ids; and of what status the things they name are."""

    ids: list[str] | None = None
    contains: Contains | None = None
    status: Literal["ACTIVE", "ARCHIVED", "ALL"] | None = None


class TagFilter(IdFilter):
    """The same for tags, which have two words for `contains`."""

    contained_in_timeentry: Contains | None = None


class UserFilter(_Body):
    """The same for users, whose status is their membership's."""

    ids: list[str] | None = None
    contains: Contains | None = None
    status: Literal["ALL", "ACTIVE_WITH_PENDING", "ACTIVE", "PENDING", "INACTIVE"] | None = None


class AuditFilter(_Body):
    """Entries that lack something, or are longer or shorter than so many seconds."""

    without_project: bool | None = None
    without_task: bool | None = None
    duration: int | None = None
    duration_shorter: bool | None = None


class Options(_Body):
    """Whether totals are wanted."""

    totals: Literal["CALCULATE", "EXCLUDE"] | None = None


class DetailedFilter(_Body):
    """Page and order of the report. The default page size is our guess."""

    page: int = Field(default=1, ge=1)
    page_size: int = Field(default=50, ge=1)
    sort_column: Literal[
        "ID", "DESCRIPTION", "USER", "DURATION", "DATE", "ZONED_DATE", "NATURAL", "USER_DATE"
    ] = "DATE"
    options: Options | None = None
    audit_filter: AuditFilter | None = None


class Report(_Body):
    """The whole body; three fields are required.

    What only a page or a picture of the report needs is accepted, and changes nothing here. So is
    `exportType`, as one source saw it (FACTS 4), unless a switch has CSV served.
    """

    date_range_start: str
    date_range_end: str
    detailed_filter: DetailedFilter
    date_range_type: str | None = None
    time_zone: str | None = None
    sort_order: SortOrder | None = None
    rounding: bool | None = None
    amount_shown: AmountKind | None = None
    amounts: list[AmountKind] | None = None
    approval_state: Literal["APPROVED", "UNAPPROVED", "ALL"] | None = None
    invoicing_state: Literal["INVOICED", "UNINVOICED", "ALL"] | None = None
    billable: bool | None = None
    description: str | None = None
    without_description: bool | None = None
    users: UserFilter | None = None
    clients: IdFilter | None = None
    projects: IdFilter | None = None
    tasks: IdFilter | None = None
    tags: TagFilter | None = None
    currency: IdFilter | None = None
    user_groups: UserFilter | None = None
    custom_fields: list[Any] | None = None
    user_custom_fields: list[Any] | None = None
    archived: bool | None = None
    export_type: Literal["JSON", "JSON_V1", "PDF", "CSV", "XLSX", "ZIP"] | None = None
    user_locale: str | None = None
    date_format: str | None = None
    time_format: str | None = None
    week_start: str | None = None
    zoom_level: str | None = None

    def unmodelled(self) -> list[str]:
        """Name what was asked and the stand-in cannot do: it says so rather than ignore it."""
        asked = {
            "dateRangeType": self.date_range_type not in {None, "ABSOLUTE"},
            "archived": bool(self.archived),
            "userGroups": bool(self.user_groups and self.user_groups.ids),
            "customFields": bool(self.custom_fields),
            "userCustomFields": bool(self.user_custom_fields),
        }
        return [name for name, is_asked in asked.items() if is_asked]
