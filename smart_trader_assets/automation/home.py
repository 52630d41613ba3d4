"""Dagster's home of a root: its runs, checks and ticks belong to the tables that they are about.

Each root has a home of its own, beside its state files. Whoever sets DAGSTER_HOME chooses another one; it
belongs to the first root that uses it, and refuses any other: partitions of one root would count as made in
the other. So does `.dagster_home` in the working directory, where earlier versions kept the history of
whatever they served.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Final

import dagster as dg
from dagster._core.instance import DagsterInstanceOverrides, InstanceRef
from sqlalchemy.exc import DBAPIError

from smart_trader_assets.delta.atomic_write import write_whole
from smart_trader_assets.delta.location import check_place, check_spelling, is_remote, place
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.settings import Settings

HOME_VARIABLE: Final = "DAGSTER_HOME"
CONFIGURATION: Final = "dagster.yaml"
QUEUE: Final = "dagster"
# Of what earlier versions wrote, without a stamp.
_EARLIER_TEXTS: Final = frozenset({"fb9902d8d033", "a4ea17186b88", "489c4bb372c7"})
_STAMP: Final = "# Follows the settings of the root for as long as nobody changes it: "
EARLIER: Final = Path(".dagster_home")
# Dagster makes a URL of its databases' paths, in which these mean something else.
_UNREADABLE: Final = re.compile(r"[?#%]")
_OWNER: Final = "smart_trader_root"
# A run of this process prints where the process prints; capturing it would take four more processes a step.
_HERE: Final[DagsterInstanceOverrides] = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}
# By it earlier versions noted the root in the runs of the command.
_EARLIER_ROOT_TAG: Final = "smart_trader/drain"


class HomeError(SmartTraderError):
    """Dagster's home belongs to another root, or cannot be made."""


def shipped_configuration(settings: Settings) -> str:
    """The text of the configuration that a home gets, by the settings: how many runs at once, and where."""
    # Imported here: only who makes a home needs it.
    from jinja2 import Environment  # noqa: PLC0415

    template = (files("smart_trader_assets.automation") / CONFIGURATION).read_text("utf-8")
    environment = Environment(trim_blocks=True, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    text = environment.from_string(template).render(
        launcher=settings.launcher,
        queue=QUEUE,
        runs_at_once=settings.runs_at_once,
        fetches_at_once=settings.fetches_at_once,
    )
    return f"{_STAMP}{_digest(text)}\n{text}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


def _is_ours(text: str) -> bool:
    """Whether a configuration is as this software wrote it, so that it may follow the settings."""
    stamp, _, rest = text.partition("\n")
    return stamp == f"{_STAMP}{_digest(rest)}" or _digest(text) in _EARLIER_TEXTS


def home_of(settings: Settings) -> Path:
    """Where the root's home is, or would be made; HomeError where DAGSTER_HOME belongs to another root."""
    root = place(settings.resolved_root)
    if named := os.environ.get(HOME_VARIABLE):
        home = Path(named)
        if (owner := _owner(home)) not in (None, root):
            raise HomeError(
                f"{HOME_VARIABLE} ({home}) keeps the history of {owner}, not of {root}: unset it, so that each "
                "root has a home of its own, or name another folder."
            )
        return home.absolute()
    if (EARLIER / CONFIGURATION).is_file() and _first_served(EARLIER) in (None, root):
        return EARLIER.absolute()
    state = settings.resolved_state_dir.absolute()
    by_name = f"dagster-{sha256(root.encode()).hexdigest()[:8]}"
    if _UNREADABLE.search(str(state)):
        return Path.home() / ".smart_trader" / by_name
    # The state files of a remote root lie beside those of others.
    return state / (by_name if is_remote(settings.resolved_root) else "dagster")


def make_home(settings: Settings) -> Path:
    """The root's home, made and configured where it is new.

    HomeError where that is impossible, RootError where the root's folder holds something else, or has a name
    that tables cannot have.
    """
    home, root = home_of(settings), settings.resolved_root
    check_spelling(root)
    if not home.exists() and not is_remote(root):
        check_place(root, {})
    try:
        home.mkdir(parents=True, exist_ok=True)
        _configure(home / CONFIGURATION, settings)
        if _owner(home) is None:
            _claim(home, settings)
    except OSError as error:
        raise HomeError(
            f"Dagster's home {home} cannot be made ({error.strerror}): set {HOME_VARIABLE} to a folder that "
            "can be written."
        ) from None
    return home


def _configure(file: Path, settings: Settings) -> None:
    """Write the configuration where there is none, or where nobody has changed it and the settings have.

    A cluster's is left as it is by who knows nothing of the cluster: its history would seem to be empty.
    """
    wanted = shipped_configuration(settings)
    written = file.read_text("utf-8") if file.exists() else None
    if written is None:
        write_whole(file, wanted)
        return
    is_clusters = settings.launcher == "process" and is_of_cluster(written)
    if written != wanted and _is_ours(written) and not is_clusters:
        write_whole(file, wanted)


def is_of_cluster(configuration: str) -> bool:
    """Whether runs are handed out to workers by a home with that configuration."""
    return "CeleryRunLauncher" in configuration


def claim_home(settings: Settings) -> None:
    """Take the home that DAGSTER_HOME names for this root, as whoever serves it does; HomeError where it is
    another root's."""
    if not os.environ.get(HOME_VARIABLE):
        return
    home = home_of(settings)
    if home.is_dir() and _owner(home) is None:
        with suppress(OSError):  # a home that is only read cannot be mixed up by this process
            _claim(home, settings)


@contextmanager
def instance_of(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance in the root's home, which is made where it is new.

    HomeError where its databases cannot be written.
    """
    home = make_home(settings)
    try:
        with dg.DagsterInstance.from_ref(
            InstanceRef.from_dir(str(home), overrides=_HERE)
        ) as instance:
            yield instance
    except DBAPIError as error:
        if settings.launcher == "celery":
            raise HomeError(
                f"Dagster's history in PostgreSQL cannot be used ({type(error.orig).__name__}): `smart-trader "
                "doctor` says whether the database answers; the role in SMART_TRADER_STATE_URL must own it."
            ) from None
        raise HomeError(
            f"Dagster's history in {home} cannot be written ({error.orig}): free space or mend "
            "the permissions, and run it again; what is done stays done."
        ) from None


def _claim(home: Path, settings: Settings) -> None:
    (home / _OWNER).write_text(f"{place(settings.resolved_root)}\n", "utf-8")


def _owner(home: Path) -> str | None:
    """The root that the home was claimed by."""
    try:
        return (home / _OWNER).read_text("utf-8").strip() or None
    except OSError:
        return None


def _first_served(home: Path) -> str | None:
    """The root that a home of earlier versions served first; None where it tells of none."""
    if (owner := _owner(home)) is not None:
        return owner
    with dg.DagsterInstance.from_config(str(home)) as instance:
        records = instance.get_run_records(order_by="id", ascending=True)
    tagged = (record.dagster_run.tags.get(_EARLIER_ROOT_TAG) for record in records)
    return next((place(root) for root in tagged if root), None)
