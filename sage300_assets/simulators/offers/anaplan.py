"""`sage300 simulate anaplan`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sage300_assets.simulators.offers import Simulation


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, metavar="FILE", help="JSON file that says what the model is made of (default: a small sample)")
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="PEM file of a certificate that may log in as the simulated user")
    parser.add_argument("--task-seconds", type=float, default=2.0, metavar="SECONDS", help="how long an import or export takes (default: 2)")


def _faults() -> Mapping[str, str]:
    from sage300_assets.simulators.anaplan import describe_faults  # noqa: PLC0415 - `--help` needs none of this

    return describe_faults()


@contextmanager
def _start(args: argparse.Namespace) -> Iterator[str]:
    import json  # noqa: PLC0415 - `--help` needs none of this

    from sage300_assets.base.errors import ConfigurationError  # noqa: PLC0415
    from sage300_assets.simulators import anaplan  # noqa: PLC0415
    from sage300_assets.simulators.anaplan.faults import FaultBoard  # noqa: PLC0415

    blueprint = anaplan.SAMPLE
    if args.model is not None:
        try:
            blueprint = anaplan.blueprint_from(json.loads(args.model.read_text(encoding="utf-8")))
        except (OSError, TypeError, ValueError) as problem:
            raise ConfigurationError(f"--model {args.model} cannot be used: {problem}", cure="Give a JSON file that describes a model.") from problem
    faults = FaultBoard()
    for name, options in args.fault:
        faults.set(name, **options)
    server = anaplan.Server(blueprint, faults, port=args.port, task_seconds=args.task_seconds)
    certificate = ""
    if args.certificate is not None:
        try:
            server.tenant.guard.trust(args.certificate.read_bytes(), anaplan.USER)
        except (OSError, ValueError) as problem:
            raise ConfigurationError(f"--certificate {args.certificate} cannot be used: {problem}", cure="Give a certificate as PEM.") from problem
        certificate = f"Certificate {args.certificate} logs in as {anaplan.USER}\n"
    with server:
        yield (
            f"Anaplan simulator at {server.base}\n"
            f"Users {anaplan.USER} and {anaplan.SECOND_USER}, password {anaplan.PASSWORD}, model {blueprint.name}\n"
            f"OAuth client {anaplan.DEVICE_CLIENT} for devices; client {anaplan.CODE_CLIENT}, secret {anaplan.CODE_SECRET}, "
            f"redirect address {anaplan.CODE_REDIRECT}, for codes\n{certificate}\n"
            "Settings for .env or the environment; Ctrl+C ends the simulator.\n\n"
            f"ANAPLAN_API_URL={server.api_url}\nANAPLAN_AUTH_URL={server.auth_url}\nANAPLAN_OAUTH_URL={server.oauth_url}\n"
            f"ANAPLAN_WORKSPACE_ID={server.tenant.workspace_id}\nANAPLAN_MODEL_ID={server.tenant.hub.model.id}\n"
            f"ANAPLAN_USERNAME={anaplan.USER}\nANAPLAN_PASSWORD={anaplan.PASSWORD}"
        )


SIMULATION = Simulation("anaplan", "Be an Anaplan tenant with an invented model.", _options, _faults, _start)
