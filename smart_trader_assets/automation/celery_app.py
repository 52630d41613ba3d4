"""What a Celery worker runs: the tasks by which Dagster's launcher hands out whole runs.

`smart-trader worker` starts one; it needs the extra `cluster`.
"""

from __future__ import annotations

from dagster_celery.config import DEFAULT_CONFIG
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

from smart_trader_assets.automation.home import QUEUE
from smart_trader_assets.settings import load_settings

_broker = load_settings().broker_url
_url = None if _broker is None else _broker.get_secret_value()

app = make_app(  # type: ignore[no-untyped-call]
    {
        "broker": _url,
        "backend": _url,
        "include": [],
        "config_source": {**DEFAULT_CONFIG, "broker_connection_retry_on_startup": True},
        "task_default_queue": QUEUE,
    }
)
execute_job = create_execute_job_task(app)
resume_job = create_resume_job_task(app)
