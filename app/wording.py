"""How the app says things to people: states, durations, clock times, counts, shares."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

STATES = {
    "queued": "Waiting",
    "starting": "Starting",
    "running": "Running",
    "stopping": "Stopping, saving first",
    "stopped": "Stopped",
    "finished": "Done",
    "failed": "Failed",
    "lost": "No sign of life",
}
ICONS = {
    "queued": ":material/hourglass_empty:",
    "starting": ":material/rocket_launch:",
    "running": ":material/play_circle:",
    "stopping": ":material/save:",
    "stopped": ":material/pause_circle:",
    "finished": ":material/check_circle:",
    "failed": ":material/error:",
    "lost": ":material/help:",
}
VERBS = {
    "index": "Reading images",
    "label": "Joining labels",
    "split": "Setting patients aside",
    "prepare": "Decoding images",
    "pretrain": "Learning without labels",
    "embed": "Describing images",
    "finetune": "Teaching",
    "predict": "Scoring images",
    "study": "Finding out how many labels",
    "audit": "Looking at groups of patients",
    "decide": "Checking images",
    "propose": "Choosing what to label",
    "fetch": "Fetching from the archive",
    "sweep": "Trying combinations",
    "review": "Working on a review",
    "export": "Releasing a model",
    "demo": "Sample data",
    "doctor": "Checking this computer",
}
UNITS = {"scans": "pictures", "cells": "parts of the grid"}
METHODS = {"simclr": "Contrast (SimCLR)", "mae": "Fill the gaps (MAE)"}
MINUTE, HOUR = 60, 3600


def about(seconds: float) -> str:
    """A time still to go, as roughly as it is known: minutes to the nearest five, hours to the nearest half."""
    if seconds < 50:
        return "less than a minute"
    if seconds < 10 * MINUTE:
        return f"about {max(1, round(seconds / MINUTE))} min"
    if seconds < 57.5 * MINUTE:
        return f"about {5 * round(seconds / (5 * MINUTE))} min"
    halves = max(2, round(seconds / (HOUR / 2)))
    if halves >= 96:
        return f"about {round(halves / 48)} days"
    return f"about {halves // 2} h" + (" 30 min" if halves % 2 else "")


def clock(moment: datetime, now: datetime) -> str:
    """A time of day, with the weekday when it is not today's."""
    if moment.date() == now.date():
        return moment.strftime("%H:%M")
    return moment.strftime("%a %H:%M") if abs(moment - now) < timedelta(days=6) else moment.strftime("%d %b %Y, %H:%M")


def when(unix: float, zone: tzinfo | None = None) -> str:
    """A Unix time as the viewer's clock shows it."""
    return clock(datetime.fromtimestamp(unix, zone), datetime.now(zone))


def ready_near(seconds_left: float, zone: tzinfo | None = None) -> str:
    """The time of day at which something will be done, to five minutes when it is more than ten minutes away."""
    now = datetime.now(zone)
    moment = now + timedelta(seconds=seconds_left)
    if seconds_left > 10 * MINUTE:
        moment += timedelta(minutes=2.5)
        moment = moment.replace(minute=moment.minute // 5 * 5, second=0)
    return clock(moment, now)


def zone_of(name: str | None) -> tzinfo | None:
    """The time zone that the browser named; this computer's when it named none."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def count(number: float, noun: str) -> str:
    """A number with its noun: ``1 picture``, ``1,204 pictures``."""
    return f"{number:,.0f} {noun}" if round(number) != 1 else f"1 {noun.removesuffix('s')}"


def rate(per_second: float, unit: str) -> str:
    """A rate in words: ``120 pictures per second``, ``4 cells per minute``."""
    if per_second >= 1:
        return f"{per_second:,.0f} {unit} per second" if per_second >= 10 else f"{per_second:.1f} {unit} per second"
    if per_second * MINUTE >= 1:
        return f"{per_second * MINUTE:.0f} {unit} per minute"
    return f"{per_second * HOUR:.0f} {unit} per hour"


def percent(share: float) -> str:
    """A share between 0 and 1 in whole percent; 100 only when it is all, 0 only when it is nothing."""
    whole = round(100 * share)
    if whole == 100 and share < 1:
        whole = 99
    if whole == 0 and share > 0:
        whole = 1
    return f"{whole} %"


def unit(name: str) -> str:
    """The plain word for a unit of progress."""
    return UNITS.get(name, name)
