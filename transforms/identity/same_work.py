"""Recognizes the same work by its content, where ids cannot: rows of files, and what they became.

Two contents are the same work if everything agrees that both sources give:

- who: the same Clockify user, the same person in QuickBooks, or the same name of somebody whom
  Clockify does not know, if one of the sources has no e-mail address;
- when: the same minute of the start, either as an instant or as shown by each source's clock,
  whatever its time zone; or the same day if one of them has no time of day;
- how long: as exactly as the sources show it (`Contents.slack_s`);
- what for: the same project (by id, or by its name and client), and the same description;
- the task, but only if one of them has no time of day: otherwise it adds nothing to the minute, and
  work must not be paid twice because its task was renamed.

Tags, billable status and rates are not compared: people correct them later, and it stays the same
work. Equal entries are counted, not merged: two truly equal rows are two entries.
"""

import hashlib
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from itertools import product
from typing import Any

import pandas as pd

from schemas.contents import UNTOLD, Contents
from schemas.part_ids import as_whole
from schemas.words import Kind, Source
from transforms.directory.names import OWN_ID, same_form

#: The prefix of our ids for rows of files.
ROW_ID = "row-"

#: Starts are compared by the minute, because many exports show no seconds.
_MINUTE = pd.Timedelta(minutes=1)

#: What a person tells an entry by.
_TEXTS = ("client", "project", "description")


def entry_contents(
    entries: pd.DataFrame,
    *,
    days: pd.Series,
    walls: pd.Series,
    links: pd.DataFrame,
    source: Source,
    slack_s: pd.Series | int = 0,
    untold: Collection[str] = (),
) -> pd.DataFrame:
    """Return the contents of finished entries.

    Args:
        entries: `TimeEntries`; those without a duration, running timers, are left out.
        days: Their local days, with their index.
        walls: What the source's clock showed at their start, `YYYY-MM-DDTHH:MM`.
        links: `Links`, for the people.
        source: Where their ids come from.
        slack_s: By how many seconds their durations may be off.
        untold: Columns of `Contents` that the source does not have.

    Returns:
        `Contents`, with the index of *entries*.
    """
    people = links[links["kind"] == Kind.USER].set_index("clockify_id")
    persons = people["qbo_kind"].astype("str") + ":" + people["qbo_id"].astype("str")
    told = pd.DataFrame(
        {
            "entry_id": entries["entry_id"],
            "source": str(source),
            "user_id": entries["user_id"],
            "person": entries["user_id"].map(persons),
            "day": days,
            "start": entries["start"],
            "wall": walls,
            "duration_s": entries["duration_s"],
            "slack_s": slack_s,
            "project_id": entries["project_id"].fillna(""),
            "project": _alike(entries["project_name"].fillna("")),
            "client": _alike(entries["client_name"].fillna("")),
            "task": _alike(entries["task_name"].fillna("")),
            "description": _digests(entries["description"]),
            "rate": _rates(entries),
        },
        index=entries.index,
    )
    told[[*untold, "hours"]] = None
    told["rate"] = told["rate"].fillna(UNTOLD)  # null is what an older version did not keep
    return Contents.validate(told[told["duration_s"].notna()])


def _alike(names: pd.Series) -> pd.Series:
    return names.map({name: same_form(name) for name in names.unique()}).astype("str")


def _rates(entries: pd.DataFrame) -> pd.Series:
    """Write rates with their currencies; empty where there is none to bill."""
    rates = entries["rate_micros"].astype("Int64").where(entries["billable"].fillna(value=False))
    texts = rates.map({micros: f"{micros} " for micros in rates.dropna().unique()}).astype("str")
    return (texts + entries["currency"].fillna("")).fillna("")


def _digests(texts: pd.Series) -> pd.Series:
    digests = {text: _digest(text) for text in texts.unique()}
    return texts.map(digests).astype("str")


def _digest(text: str) -> str:
    return hashlib.sha256(_form(text).encode()).hexdigest()[:32]


def find_twins(rows: pd.DataFrame, known: pd.DataFrame) -> pd.Series:
    """Find the known entry that each row is; no known entry is found twice.

    As many rows as possible get an entry; of several entries, those first in *known* go first.

    Args:
        rows: `Contents`.
        known: `Contents`, in the order in which they are preferred.

    Returns:
        `entry_id` of *known*, with the index of *rows*; missing where there is none.
    """
    found = pd.Series(pd.NA, index=rows.index, dtype="str")
    if rows.empty or known.empty:
        return found
    pairs = _pairs(_numbered(rows), _numbered(known))
    matched = _match(pairs)
    places = list(matched)
    found.iloc[places] = known["entry_id"].to_numpy()[[matched[place] for place in places]]
    return found


def new_ids(rows: pd.DataFrame, *, taken: pd.Series) -> pd.Series:
    """Make ids for rows of a file that are not a known entry: a hash of the content, and a number.

    A row gets the same id in every run, whatever time zone it is read in, so that two runs at the
    same time claim it once.

    Args:
        rows: `Contents`.
        taken: Ids that entries of the same days have already.

    Returns:
        Ids, with the index of *rows*.
    """
    parts = ["user_id", "duration_s", "project_id", "project", "client", "task", "description"]
    texts = [rows[name].astype("str").fillna("\uffff") for name in parts]
    texts.append(rows["wall"].fillna(rows["day"]))
    whole = texts[0].str.cat(texts[1:], sep="\n")
    digests = [hashlib.sha256(text.encode()).hexdigest()[:32] for text in whole]
    bases = pd.Series(digests, index=rows.index, dtype="str")
    numbered = taken.str.extract(r"^row-([0-9a-f]{32})-(\d+)$").dropna()
    last = numbered[1].astype("int64").groupby(numbered[0]).max()
    numbers = bases.map(last).fillna(0).astype("int64") + bases.groupby(bases).cumcount() + 1
    return ROW_ID + bases + "-" + numbers.astype("str")


def clashes(rows: pd.DataFrame, known: pd.DataFrame) -> pd.Index:
    """Find the rows that begin in the same minute as a known entry of the same person.

    Where that entry has no time of day, it is enough to be of its day, project and length.

    Args:
        rows: `Contents` of rows that are not a known entry.
        known: `Contents`.

    Returns:
        Their index.
    """
    begins = [frame.assign(minute=frame["start"].dt.floor(_MINUTE)) for frame in (rows, known)]
    same = pd.Series(False, index=rows.index)
    for who, when in product(("user_id", "person"), ("minute", "wall")):
        mine, theirs = (pd.MultiIndex.from_frame(frame[[who, when]]) for frame in begins)
        same |= mine.isin(theirs) & rows[who].notna() & begins[0][when].notna()
    same |= _as_long(rows, known[known["start"].isna() & known["wall"].isna()])
    return same.index[same]


def _as_long(rows: pd.DataFrame, clockless: pd.DataFrame) -> pd.Series:
    """Return which rows are as long as an entry of the same person, day and project."""
    same = pd.Series(False, index=rows.index)
    for who in ("user_id", "person"):
        keys = [who, "day", "project_id"]
        columns = [*keys, "duration_s", "slack_s"]
        mine = rows.loc[rows[who].notna(), columns].assign(row=rows.index[rows[who].notna()])
        pairs = mine.merge(clockless[columns], on=keys, suffixes=("", "_known"))
        apart_s = (pairs["duration_s"] - pairs["duration_s_known"]).abs()
        fits = (apart_s <= pairs["slack_s"] + pairs["slack_s_known"]).astype(bool)
        same |= same.index.isin(pairs.loc[fits, "row"])
    return same


def a_day_off(rows: pd.DataFrame, known: pd.DataFrame) -> pd.Index:
    """Find the rows that equal a known entry without a time of day, except that they are a day off.

    The source of that entry may have used another time zone. Nobody can know, so it is not a twin.

    Args:
        rows: `Contents` of rows that are not a known entry; those without a start are left out.
        known: `Contents`.

    Returns:
        Their index.
    """
    timed = rows[rows["start"].notna()]
    clockless = known[known["start"].isna()]
    found = pd.Series(False, index=timed.index)
    for days in (-1, 1):
        day = pd.to_datetime(clockless["day"]) + pd.Timedelta(days=days)
        moved = clockless.assign(day=day.dt.strftime("%Y-%m-%d"))
        found |= find_twins(timed, moved).notna()
    return found.index[found]


def look_alikes(rows: pd.DataFrame, verdicts: pd.DataFrame) -> pd.Series:
    """Find the last outcome of what looks to a person like each row; none is found twice.

    Outcomes keep no contents, so this never decides that something is sent: only what is shown,
    and what stays behind. Minutes may differ by one, because an export may not show seconds.

    Args:
        rows: `date`, `user`, `client`, `project`, `description` and `minutes`; a missing text means
            that the source does not say, an empty one that there is none.
        verdicts: The last outcomes, with the same columns.

    Returns:
        The index of *verdicts*, with that of *rows*; only for rows that have one.
    """
    offers: dict[tuple[str, str], list[Any]] = {}
    for verdict in verdicts.itertuples():
        offers.setdefault((verdict.date, _form(verdict.user)), []).append(verdict)
    found = {}
    for row in rows[rows["date"].isin(verdicts["date"])].itertuples():
        left = offers.get((row.date, _form(row.user)), [])
        fits = [verdict for verdict in left if _look_alike(row, verdict)]
        if fits:
            best = min(fits, key=lambda verdict: abs(verdict.minutes - row.minutes))
            left.remove(best)
            found[row.Index] = best.Index
    return pd.Series(found, dtype=object)


def superseded(kept: pd.DataFrame, unsent: pd.DataFrame) -> list[str]:
    """Return the ids of last outcomes that have a newer one under another id, from a file or not.

    Args:
        kept: The rows of a plan whose outcomes were kept.
        unsent: Last outcomes of the same days, with `entry_id`, of what the ledger does not hold.
    """
    kept = as_whole(kept)
    old = unsent[~unsent["entry_id"].isin(kept["entry_id"])].set_index("entry_id")
    by_file = kept["entry_id"].str.startswith(ROW_ID)
    old_by_file = old.index.str.startswith(ROW_ID)
    told: list[str] = []
    for new, before in ((kept[by_file], old[~old_by_file]), (kept[~by_file], old[old_by_file])):
        # An empty text may mean that a file does not say.
        texts = {name: new[name].replace("", None) for name in _TEXTS}
        told += look_alikes(new.assign(**texts), before.replace("", None)).tolist()
    return told


def _look_alike(row: Any, verdict: Any) -> bool:
    if pd.isna(row.minutes) or pd.isna(verdict.minutes) or abs(row.minutes - verdict.minutes) > 1:
        return False
    texts = ((getattr(row, name), getattr(verdict, name)) for name in _TEXTS)
    return all(
        pd.isna(mine) or pd.isna(theirs) or _form(mine) == _form(theirs) for mine, theirs in texts
    )


def _form(text: object) -> str:
    # An export writes a quotation mark as two apostrophes (FACTS, Clockify, 9.1).
    return same_form(text.replace('"', "''")) if isinstance(text, str) else ""


def _numbered(contents: pd.DataFrame) -> pd.DataFrame:
    numbered = contents.reset_index(drop=True)
    numbered["place"] = numbered.index
    numbered["minute"] = numbered["start"].dt.floor(_MINUTE)
    numbered["wall_day"] = numbered["wall"].str[:10].fillna(numbered["day"])
    # An id of ours is a name, with an address if there is one (`transforms.exports.resolve_names`).
    strangers = numbered["user_id"].where(numbered["user_id"].str.startswith(OWN_ID))
    numbered["name"] = strangers.str.replace(" <.*", "", regex=True)
    address = strangers.str.casefold().str.extract("( <.*)", expand=False).fillna("")
    numbered["stranger"] = numbered["name"] + address
    return numbered


def _pairs(rows: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Return all pairs that are the same work, as far as both say: `place_row`, `place_known`."""
    timed, dayed = rows["minute"].notna(), known["minute"].notna()
    walled = rows["wall"].notna()
    parts = []
    for who in ("user_id", "person", "name"):
        has = rows[who].notna()
        if not has.any():
            continue
        parts += [
            _joined(rows[has & timed], known[dayed], [who, "minute"]),
            _joined(rows[has & walled], known, [who, "wall"]),
        ]
        for day in ("day", "wall_day"):
            parts += [
                _joined(rows[has & timed], known[~dayed], [who, day]),
                _joined(rows[has & ~timed], known, [who, day]),
            ]
    pairs = pd.concat(parts, ignore_index=True)
    pairs = pairs[_agree(pairs) & _same_person(pairs)]
    return pairs.drop_duplicates(["place_row", "place_known"])


def _joined(rows: pd.DataFrame, known: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    left = rows.assign(**{f"key_{key}": rows[key] for key in keys}).add_suffix("_row")
    right = known.assign(**{f"key_{key}": known[key] for key in keys}).add_suffix("_known")
    return left.merge(
        right,
        left_on=[f"key_{key}_row" for key in keys],
        right_on=[f"key_{key}_known" for key in keys],
    )


def _agree(pairs: pd.DataFrame) -> pd.Series:
    slack_s = pairs["slack_s_row"] + pairs["slack_s_known"]
    lasts = (pairs["duration_s_row"] - pairs["duration_s_known"]).abs() <= slack_s
    named = _same(pairs, "project") & _same(pairs, "client")
    identified = pairs["project_id_row"].eq(pairs["project_id_known"]).fillna(value=False)
    clocks = pairs["start_row"].notna() & pairs["start_known"].notna()
    return (
        lasts.astype(bool)
        & (named | identified)
        & _same(pairs, "description")
        & (clocks | _same(pairs, "task"))
    )


def _same_person(pairs: pd.DataFrame) -> pd.Series:
    """Whether the ids agree, or the names of strangers, one of whom has no address."""
    by_id = pairs["user_id_row"] == pairs["user_id_known"]
    by_person = pairs["person_row"] == pairs["person_known"]
    here, there = pairs["stranger_row"], pairs["stranger_known"]
    bare = (here == pairs["name_row"]) | (there == pairs["name_known"])
    return (by_id | by_person | (here == there) | bare).fillna(value=False).astype(bool)


def _same(pairs: pd.DataFrame, name: str) -> pd.Series:
    """Whether a text agrees in each pair, or one of the two does not say."""
    here, there = pairs[f"{name}_row"], pairs[f"{name}_known"]
    return here.isna() | there.isna() | (here == there)


def _match(pairs: pd.DataFrame) -> dict[int, int]:
    """Pair as many as possible by augmenting paths (Kuhn, 1955), preferred entries first.

    A path may move a known entry to another row, but never leaves it without one, so those that
    come first keep a row.
    """
    off_s = (pairs["duration_s_row"] - pairs["duration_s_known"]).abs()
    ordered = pairs.assign(off_s=off_s).sort_values(["place_known", "off_s", "place_row"])
    offers: dict[int, list[int]] = (
        ordered.groupby("place_known", sort=True)["place_row"].agg(list).to_dict()
    )
    holder_of: dict[int, int] = {}
    row_of: dict[int, int] = {}
    for known in offers:
        for row, asker in _path(known, offers, holder_of, row_of):
            holder_of[row], row_of[asker] = asker, row
    return holder_of


def _path(
    known: int,
    offers: Mapping[int, Sequence[int]],
    holder_of: Mapping[int, int],
    row_of: Mapping[int, int],
) -> list[tuple[int, int]]:
    """Find a row for *known*. Return the moves that free one, each a row and its new holder."""
    asker_of: dict[int, int] = {}
    asking = deque([known])
    while asking:
        asker = asking.popleft()
        for row in offers[asker]:
            if row in asker_of:
                continue
            asker_of[row] = asker
            if row not in holder_of:
                return _moves(row, known, asker_of, row_of)
            asking.append(holder_of[row])
    return []


def _moves(
    row: int, known: int, asker_of: Mapping[int, int], row_of: Mapping[int, int]
) -> list[tuple[int, int]]:
    """Trace the moves back, from the row that is free to the entry that had none."""
    moves = [(row, asker_of[row])]
    while moves[-1][1] != known:
        left = row_of[moves[-1][1]]
        moves.append((left, asker_of[left]))
    return moves
