"""The doctor: checks settings, storage, tables, API and queue, says what is wrong and what to do."""

from smart_trader_assets.doctor.examination import examine, examine_without_settings
from smart_trader_assets.doctor.findings import Finding, Verdict
from smart_trader_assets.doctor.work import API_COST

__all__ = ["API_COST", "Finding", "Verdict", "examine", "examine_without_settings"]
