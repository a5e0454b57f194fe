"""The ``concord`` command: runs one process, migrates, creates keys, starts the whole platform on this machine."""

import sys

import click
from marshmallow import ValidationError

from chassis.core import logs
from chassis.core.errors import Failure
from chassis.data import migrate
from chassis.process import server, service, settings
from concord import dead, events, platform, topology
from concord.environment import settings_or_exit
from concord.keys import create_keys

NAMES = click.Choice(platform.SERVICES)


@click.group()
def main() -> None:
    """Concord: a platform on which suppliers and retailers run their marketing together."""


@main.command()
@click.argument("name", metavar="SERVICE")
@click.argument("roles", nargs=-1, type=click.Choice(service.ROLES))
def run(name: str, roles: tuple[str, ...]) -> None:
    """Run one process of SERVICE, or of the gateway, in ROLES; without ROLES in all of them."""
    if name == platform.GATEWAY:
        _run_gateway()
        return
    declaration = _load(name)
    try:
        server.serve(declaration, settings_or_exit(), roles or declaration.roles)
    except settings.SettingsError as error:
        sys.exit(str(error))


@main.command("migrate")
@click.argument("names", nargs=-1, type=NAMES)
def migrate_databases(names: tuple[str, ...]) -> None:
    """Migrate the databases of the named services, or of all, to the newest schema."""
    loaded = settings_or_exit()
    logs.configure("WARNING", "console")
    for name in names or platform.SERVICES:
        runtime = service.Runtime(_load(name), loaded)
        migrate.upgrade(runtime.service, runtime.database.engine)
        runtime.close()
        click.echo(f"{name}: up to date")


@main.command()
@click.argument("name", type=NAMES)
@click.argument("message")
def revision(name: str, message: str) -> None:
    """Write the next migration of a service: the difference between its models and its database."""
    click.echo(migrate.revision(_load(name), message))


@main.command()
@click.option("--demo/--no-demo", default=True, help="Fill an empty platform with demo data, or do not.")
def up(demo: bool) -> None:
    """Start the whole platform on this machine. Ctrl-C stops it."""
    from concord.up import start

    start(settings_or_exit(), with_demo=demo)


@main.command()
@click.argument("email")
@click.option("--password", help="Of the new operator; asked for where it is left out.")
@click.option("--name", default="Operator")
@click.option("--recover", is_flag=True, help="Print a link with which a present operator sets a new password.")
@click.option("--without-factors", is_flag=True, help="With --recover: forget the operator's lost second factors.")
def operator(email: str, password: str | None, name: str, recover: bool, without_factors: bool) -> None:
    """Create the platform's first operator (PlatformAdmin) with EMAIL. Does nothing if there is one."""
    if not recover:
        password = password or click.prompt("Password", hide_input=True, confirmation_prompt=True)
    runtime = service.Runtime(_load("identity"), settings_or_exit())
    try:
        if recover:
            click.echo(_recover_operator(runtime, email, without_factors))
        else:
            click.echo(_add_operator(runtime, email, password or "", name))
    finally:
        runtime.close()


@main.command()
def seed() -> None:
    """Fill an empty development platform with demo data, through its gateway at CONCORD_PUBLIC_URL."""
    from concord import demo

    loaded = settings_or_exit()
    if not loaded.development:
        sys.exit("Demo data is for development only (CONCORD_ENV=dev).")
    runtime = service.Runtime(_load("identity"), loaded)
    demo.create_operator(runtime)
    runtime.close()
    demo.seed(loaded.public_url, say=click.echo)


@main.command()
def keys() -> None:
    """Create a key pair in CONCORD_KEYS for every process that has none."""
    create_keys(settings_or_exit().keys, [platform.GATEWAY, *platform.SERVICES])


main.add_command(dead.commands)
main.add_command(events.commands)
main.add_command(topology.command)


def _add_operator(runtime: service.Runtime, email: str, password: str, name: str) -> str:
    from services.identity.users import bootstrap

    try:
        created = bootstrap.platform_admin(runtime, email, password, name=name)
    except (Failure, ValidationError) as refusal:
        sys.exit(f"Nothing was changed. {refusal}")
    return f"{email} can sign in." if created else "There is an operator already. Nothing was changed."


def _recover_operator(runtime: service.Runtime, email: str, without_factors: bool) -> str:
    """A link that is good once, for an hour."""
    from services.identity.account import bootstrap

    link = bootstrap.operator_link(runtime, email, without_factors=without_factors)
    if link is None:
        sys.exit(f"No operator who may sign in has the address {email}. Nothing was changed.")
    return link


def _run_gateway() -> None:
    from gateway import settings as gateway_settings
    from gateway.app import create_app

    loaded = settings_or_exit()
    try:
        configured = gateway_settings.load()
    except settings.SettingsError as error:
        sys.exit(str(error))
    server.serve_app(lambda: create_app(loaded, configured), loaded, platform.GATEWAY)


def _load(name: str) -> service.Service:
    try:
        return platform.load(name)
    except KeyError:
        raise click.BadParameter(
            f"There is no service {name!r}. The services are: {', '.join(platform.SERVICES)}."
        ) from None
