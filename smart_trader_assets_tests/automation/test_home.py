"""Each root has a Dagster home of its own; one that is shared by hand belongs to its first root."""

import uuid
from pathlib import Path

import dagster as dg
import pytest

from smart_trader_assets.automation import home as home_module
from smart_trader_assets.automation.home import (
    CONFIGURATION,
    HOME_VARIABLE,
    HomeError,
    claim_home,
    home_of,
    instance_of,
    make_home,
    shipped_configuration,
)
from smart_trader_assets.delta.errors import RootError
from smart_trader_assets.settings import Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(HOME_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(root: str) -> Settings:
    return load_settings({"source": "sandbox", "root": root})


def test_each_root_has_its_own_configured_home_beside_its_tables(here):
    homes = [make_home(settings(root)) for root in ("one", "two", "s3://b/one", "s3://b/two")]
    assert homes[:2] == [here / root / "ops" / "dagster" for root in ("one", "two")]
    assert {home.parent for home in homes[2:]} == {here / "data" / "state"}
    assert len(set(homes)) == 4
    assert {(home / CONFIGURATION).read_text() for home in homes} == {
        shipped_configuration(settings("one"))
    }
    with instance_of(settings("one")) as instance:
        assert instance.get_settings("concurrency")["pools"]["default_limit"] == 1


def test_looking_makes_nothing(here):
    home_of(settings("one"))
    assert list(here.iterdir()) == []


def test_a_home_named_by_hand_belongs_to_its_first_root(here, monkeypatch):
    monkeypatch.setenv(HOME_VARIABLE, str(here / "mine"))
    make_home(settings("one"))
    assert home_of(settings("one")) == here / "mine"
    told = rf"keeps the history of {here}/one, not of {here}/two: unset it"
    for refused in (home_of, make_home, claim_home):
        with pytest.raises(HomeError, match=told):
            refused(settings("two"))


def test_a_server_claims_the_home_that_it_was_given_and_none_other(here, monkeypatch):
    claim_home(settings("one"))  # without DAGSTER_HOME there is nothing to take
    monkeypatch.setenv(HOME_VARIABLE, str(here / "mine"))
    claim_home(settings("one"))  # it is not there yet: Dagster itself says so
    assert not (here / "mine").exists()
    (here / "mine").mkdir()
    claim_home(settings("one"))
    with pytest.raises(HomeError):
        claim_home(settings("two"))


def test_a_configuration_that_somebody_changed_stays(here):
    home = make_home(settings("one"))
    (home / CONFIGURATION).write_text("telemetry: {enabled: false}\n")
    make_home(settings("one"))
    assert (home / CONFIGURATION).read_text() == "telemetry: {enabled: false}\n"


@pytest.mark.parametrize("tells", [True, False])
def test_the_home_of_earlier_versions_stays_with_the_root_that_it_served_first(here, tells):
    earlier = here / ".dagster_home"
    earlier.mkdir()
    (earlier / CONFIGURATION).write_text(shipped_configuration(settings("one")))
    with dg.DagsterInstance.from_config(str(earlier)) as instance:
        for root in ("one", "two") if tells else ():
            tags = {"smart_trader/drain": str(here / root)}
            instance.add_run(dg.DagsterRun("job", str(uuid.uuid4()), tags=tags))
    if not tells:  # whoever comes first takes it
        assert make_home(settings("one")) == earlier
    assert home_of(settings("one")) == earlier
    assert home_of(settings("two")) == here / "two" / "ops" / "dagster"


def test_nothing_is_made_beside_strange_files(here):
    (here / "photos").mkdir()
    (here / "photos" / "cat.jpg").write_text("meow")
    with pytest.raises(RootError, match="holds something else"):
        make_home(settings("photos"))
    assert [path.name for path in (here / "photos").iterdir()] == ["cat.jpg"]


def test_a_home_that_can_not_be_made_is_told_with_the_remedy(here, monkeypatch):
    (here / "file").write_text("")
    monkeypatch.setenv(HOME_VARIABLE, str(here / "file" / "home"))
    with pytest.raises(HomeError, match="set DAGSTER_HOME to a folder that can be written"):
        make_home(settings("one"))


def with_runs(here: Path, **chosen: int) -> Settings:
    return load_settings({"source": "sandbox", "root": "one", **chosen})


def test_the_limits_follow_the_settings_until_somebody_changes_the_file(here):
    file = make_home(with_runs(here)) / CONFIGURATION
    make_home(with_runs(here, runs_at_once=6, fetches_at_once=3))
    assert limits(here) == (3, 6)
    make_home(with_runs(here))
    assert limits(here) == (1, 2)
    file.write_text(file.read_text().replace("max_concurrent_runs: 2", "max_concurrent_runs: 9"))
    make_home(with_runs(here, runs_at_once=6))
    assert limits(here) == (1, 9)


def limits(here: Path) -> tuple[int, int]:
    with dg.DagsterInstance.from_config(str(here / "one" / "ops" / "dagster")) as instance:
        concurrency = instance.get_settings("concurrency")
    return concurrency["pools"]["default_limit"], concurrency["runs"]["max_concurrent_runs"]


CLUSTER = {
    "source": "sandbox",
    "root": "s3://bucket/root",
    "launcher": "celery",
    "broker_url": "redis://127.0.0.1:1/0",
}


def test_the_home_of_a_cluster_keeps_its_history_in_the_database(here, new_database, monkeypatch):
    cluster = load_settings({**CLUSTER, "state_url": new_database()})
    assert cluster.state_url is not None
    assert cluster.broker_url is not None
    monkeypatch.setenv("SMART_TRADER_STATE_URL", cluster.state_url.get_secret_value())
    monkeypatch.setenv("SMART_TRADER_BROKER_URL", cluster.broker_url.get_secret_value())
    with instance_of(cluster) as instance:
        assert type(instance.run_launcher).__name__ == "CeleryRunLauncher"
        run = instance.add_run(dg.DagsterRun(job_name="a", run_id=str(uuid.uuid4())))
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    with instance_of(cluster) as instance:
        assert [known.run_id for known in instance.get_runs()] == [run.run_id]
    assert "swordfish" not in (make_home(cluster) / CONFIGURATION).read_text()


@pytest.mark.parametrize("lacking", ["broker_url", "state_url"])
def test_a_cluster_without_broker_or_database_is_refused(lacking):
    given = {**CLUSTER, "state_url": "postgresql://u@h/d"}
    del given[lacking]
    with pytest.raises(
        SettingsError,
        match="needs SMART_TRADER_STATE_URL, a PostgreSQL database, and SMART_TRADER_BROKER_URL",
    ):
        load_settings(given)


def test_a_file_that_an_earlier_version_wrote_follows_the_settings_too(here, monkeypatch):
    home = make_home(with_runs(here))
    text = (home / CONFIGURATION).read_text()
    earlier = text.split("\n", 1)[1]
    (home / CONFIGURATION).write_text(earlier)
    make_home(with_runs(here, runs_at_once=6))
    assert limits(here) == (1, 2), "without a stamp it may be anybody's"
    known = {*home_module._EARLIER_TEXTS, home_module._digest(earlier)}
    monkeypatch.setattr(home_module, "_EARLIER_TEXTS", known)
    make_home(with_runs(here, runs_at_once=6))
    assert limits(here) == (1, 6)


def test_who_knows_nothing_of_a_cluster_leaves_its_configuration(here):
    cluster = load_settings({**CLUSTER, "root": "one", "state_url": "postgresql://u@h/d"})
    file = make_home(cluster) / CONFIGURATION
    before = file.read_text()
    make_home(with_runs(here))
    assert file.read_text() == before
