"""`sage300 dev`: Dagster's web pages and daemon over this project, until someone interrupts.

Nothing of Dagster is imported here: it runs in processes of its own, which end with this one. They are started in DAGSTER_HOME and not in the
folder we are in, because Dagster puts the `.env` of its folder above the environment: a demo would then read the real Sage 300.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType

import yaml

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.orchestration.all_settings import shielded
from sage300_assets.orchestration.simulated import DEMO_HOME, HOME, simulated_sage300, use

_FOLDER = re.compile(r"^(\s*base_dir: )([\w./-]+)$", re.MULTILINE)
_PLACES = (
    "storage",
    "run_storage",
    "event_log_storage",
    "schedule_storage",
    "local_artifact_storage",
    "compute_logs",
    "run_launcher",
    "run_coordinator",
)
"""The parts of `dagster.yaml` that say where things are kept and run."""
_STOP_SECONDS = 90.0
"""Dagster gives each of its own processes sixty seconds."""


def run_dev(*, demo: bool, port: int | None = None, companies: Sequence[str] = ("SAMLTD", "SAMINC"), days: int = 90) -> int:
    """Start `dagster dev`, with a simulated Sage 300 in front of it if wanted. Gives its exit code."""
    end_on_signals()
    here = Path.cwd()
    use(dagster_settings(os.environ, here, demo=demo))
    with ExitStack() as stack:
        if demo:
            stack.enter_context(shielded())
            use(stack.enter_context(simulated_sage300(companies, days)))
        command = [sys.executable, "-W", "ignore:Function `dev_command` is superseded", "-m", "dagster", "dev", *_target(here)]
        return _run([*command, *(["--port", str(port)] if port else [])], os.environ["DAGSTER_HOME"])


def end_on_signals() -> None:
    """Whatever asks this process to end lets it clean up first.

    SIGINT too: a script that starts this in the background has it ignored, and then Dagster's processes would ignore it as well.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):  # whichever this system has
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)


def dagster_settings(environment: Mapping[str, str], here: Path, *, demo: bool = False) -> dict[str, str]:
    """What Dagster's processes find in their environment. Where no DAGSTER_HOME is set, and for every demo, there is one below `here`."""
    given = "" if demo else environment.get("DAGSTER_HOME", "")
    if given and not (Path(given).is_absolute() and Path(given).is_dir()):
        raise ConfigurationError(
            f"DAGSTER_HOME is {given}, which is not the whole path of a folder.", cure="Make that folder, or unset DAGSTER_HOME."
        )
    home = Path(given) if given else here.absolute() / (DEMO_HOME if demo else HOME)
    if not given:
        home.mkdir(parents=True, exist_ok=True)
        _copy_configuration(here.absolute(), home, demo=demo)
    wanted = {"DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS": "1", "DAGSTER_EVENT_BATCH_SIZE": "1000"}
    return {"DAGSTER_HOME": str(home), **{name: environment.get(name, value) for name, value in wanted.items()}}


def _copy_configuration(here: Path, home: Path, *, demo: bool) -> None:
    """`dagster.yaml` with the whole paths of its folders: there they are relative to where Dagster is started. A demo keeps all in its home."""
    source = _project_file("dagster.yaml", here)
    if source is None and not demo:
        return
    text = source.read_text(encoding="utf-8") if source is not None else ""
    if demo:
        text = _all_at_home(text, home)
    else:
        text = _FOLDER.sub(lambda found: f"{found[1]}{json.dumps((here / found[2]).as_posix(), ensure_ascii=False)}", text)
    copy = home / "dagster.yaml"
    if not copy.exists() or copy.read_text(encoding="utf-8") != text:
        copy.write_text(text, encoding="utf-8", newline="\n")


def _all_at_home(text: str, home: Path) -> str:
    """A configuration that keeps nothing anywhere else, whatever database the given one names."""
    given = yaml.safe_load(text) or {}
    storage = {"module": "sage300_assets.orchestration.event_storage", "class": "SqliteStorage", "config": {"base_dir": home.as_posix()}}
    return yaml.safe_dump(
        {**{part: value for part, value in given.items() if part not in _PLACES}, "storage": {"custom": storage}}, allow_unicode=True
    )


def _project_file(name: str, here: Path) -> Path | None:
    """A file of the project: in the folder we are in, or beside the package where that is not installed from a wheel."""
    return next((folder / name for folder in (here, Path(__file__).resolve().parents[2]) if (folder / name).is_file()), None)


def _target(here: Path) -> list[str]:
    workspace = _project_file("workspace.yaml", here)
    return ["-w", str(workspace)] if workspace else ["-m", "sage300_assets.definitions"]


def _run(command: Sequence[str], folder: str) -> int:
    # In a group of its own it hears of Ctrl+C only from here, and only once: a second one would cut its clean-up short.
    if sys.platform == "win32":
        process = subprocess.Popen(command, cwd=folder, creationflags=subprocess.CREATE_NEW_PROCESS_GROUP)  # noqa: S603 - our own command
    else:
        process = subprocess.Popen(command, cwd=folder, start_new_session=True)  # noqa: S603 - our own command
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(timeout=1)  # Windows hears Ctrl+C only between waits
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        process.send_signal(signal.CTRL_BREAK_EVENT)
    else:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
