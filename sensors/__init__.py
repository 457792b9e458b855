"""Jobs, sensors, schedules and automation, and the runner that uses them in one process."""

from sensors.auditing import audit_job, audit_schedule
from sensors.automation import automation_sensor
from sensors.derivatives import derivatives_sensor
from sensors.fetch import fetch_job, fetch_sensor
from sensors.jobs import derivatives_job, execution_job, marts_job, research_job
from sensors.landing import landing_sensor
from sensors.local import LocalRunner, Outcome, prepare_dagster_home
from sensors.maintenance import maintenance_schedule
from sensors.publishing import publish_job
from sensors.retraining import retraining_job, retraining_sensor
from sensors.schedules import close_schedule
from sensors.signals import signals_sensor
from sensors.warming import warming_schedule

__all__ = [
    "LocalRunner",
    "Outcome",
    "audit_job",
    "audit_schedule",
    "automation_sensor",
    "close_schedule",
    "derivatives_job",
    "derivatives_sensor",
    "execution_job",
    "fetch_job",
    "fetch_sensor",
    "landing_sensor",
    "maintenance_schedule",
    "marts_job",
    "prepare_dagster_home",
    "publish_job",
    "research_job",
    "retraining_job",
    "retraining_sensor",
    "signals_sensor",
    "warming_schedule",
]
