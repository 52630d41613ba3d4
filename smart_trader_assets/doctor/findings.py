"""What a check found, how bad that is, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from smart_trader_assets.delta.storage_errors import is_panic, reason
from smart_trader_assets.errors import SmartTraderError


class Verdict(StrEnum):
    """How a check ended: a warning can wait, what is broken stops runs or makes their results wrong."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's table; `remedy` is empty where there is nothing to do."""

    check: str
    verdict: Verdict
    found: str
    remedy: str = ""


Check = Callable[[], Iterable[Finding]]


def ok(check: str, found: str) -> Finding:
    """All is well, and what was seen."""
    return Finding(check, Verdict.OK, found)


def warning(check: str, found: str, remedy: str) -> Finding:
    """Something that can wait."""
    return Finding(check, Verdict.WARNING, found, remedy)


def broken(check: str, found: str, remedy: str = "") -> Finding:
    """Something that stops runs, or makes their results wrong."""
    return Finding(check, Verdict.BROKEN, found, remedy)


def looked_at(name: str, check: Check) -> list[Finding]:
    """What `check` finds; an error inside it is a finding too, and the other checks go on."""
    findings: list[Finding] = []
    try:
        findings.extend(check())
    except SmartTraderError as error:  # its message says the remedy
        findings.append(broken(name, str(error)))
    except BaseException as error:
        if not isinstance(error, Exception) and not is_panic(error):
            raise
        findings.append(
            broken(
                name,
                f"The check broke off: {type(error).__name__}: {reason(error)}.",
                "Check the storage and its permissions; if they are fine, this is a bug: report it.",
            )
        )
    return findings
