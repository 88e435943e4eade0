"""Reads the command in a message and checks whether it may run. These checks come before any call to a cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic

from shared.commands.command import C, admit_delivery, attributes
from shared.commands.parsing import field_or_none, parse_command
from shared.handlers.access import access_to, check_role, check_store, store_region
from shared.handlers.declaration import Operation
from shared.handlers.request import Request
from shared.results.outcome import CommandContext, Subject
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.errors import ErrorClass, KeyturnError, Refused
from shared.runtime.regions import check_region
from shared.runtime.settings import is_allowed
from shared.runtime.times import now_text
from shared.triggers import Message, Trigger, fit_id


@dataclass(frozen=True, eq=False, repr=False)
class AdmittedCommand(Generic[C]):
    """A valid command that may run, the context of its result, and the access to its cloud."""

    command: C
    context: CommandContext
    access: CloudAccess


@dataclass(frozen=True, eq=False)
class RefusedCommand:
    """A message whose command was refused. Nothing was called."""

    context: CommandContext
    error: KeyturnError


def admit(operation: Operation[C], request: Request, message: Message) -> AdmittedCommand[C] | RefusedCommand:
    """Read the command and check that it may run. Never raises a KeyturnError."""
    context: CommandContext | None = None
    try:
        if message.problem is not None:
            raise Refused(ErrorClass.INVALID_COMMAND, message.problem)
        command = parse_command(operation.command, message.data)
        context = context_of(operation, request, message, command)
        _check(command, context.subject, request)
        return AdmittedCommand(command, context, access_to(request.invocation, operation.cloud, site_of(command)))
    except KeyturnError as error:
        return RefusedCommand(context or context_of(operation, request, message), error)


def site_of(command: object) -> str | None:
    """The site that the command names; only Tencent Cloud has sites."""
    site = getattr(command, "site", None)
    return site if isinstance(site, str) else None


def _check(command: Any, subject: Subject, request: Request) -> None:
    """Check what the command's model alone cannot: the settings, the region and the trigger. Raises: Refused."""
    settings, delivery = request.invocation.settings, request.delivery
    if subject.region == "-":
        raise Refused(ErrorClass.INVALID_COMMAND, "Region: is required, in the command or in KEYTURN_REGION")
    check_region(subject.cloud, subject.region)
    if not is_allowed(settings.allow, subject.name):
        raise Refused(ErrorClass.FORBIDDEN, "KEYTURN_ALLOW does not name this credential, nothing was called")
    check_role(request.invocation, command.role)
    command.permit(settings)
    for account in command.alternates:
        if not is_allowed(settings.allow, replace(subject, account=account).name):
            raise Refused(ErrorClass.FORBIDDEN, "KEYTURN_ALLOW does not name both accounts, nothing was called")
    for ref in command.stores:
        region = store_region(request.invocation, ref, subject.cloud, subject.region, command.role)
        check_store(request.invocation, ref, region)
    waited_for = delivery.trigger is Trigger.HTTP and not delivery.asynchronous
    admit_delivery(command, settings, waited_for=waited_for)


def context_of(operation: Operation[C], request: Request, message: Message, command: C | None = None) -> CommandContext:
    """The context of the result. Without a valid `command` it names only the fields that are valid by themselves."""
    model, data, invocation = operation.command, message.data, request.invocation
    pasted = [] if command is not None else model.raw_secrets(data)

    def known(name: str) -> str | None:
        if command is None:
            value = field_or_none(model, data, name)
            return None if value and any(secret in value for secret in pasted) else value
        value = getattr(command, attributes(model)[name])
        return value if isinstance(value, str) else None

    region = known("Region")
    if region is None and not (isinstance(data, Mapping) and data.get("Region") is not None):
        region = invocation.settings.region or (invocation.region if invocation.cloud == operation.cloud else None)
    account = known(model.account_field) if model.account_field else None
    subject = Subject(
        operation.cloud,
        region or "-",
        operation.service,
        known(model.resource_field) or "-",
        model.bare_account(account) if account else model.account_default,
    )
    given = known("CommandId")
    command_id = message.command_id if given is None else given
    if given is not None and message.prefix:
        command_id = fit_id(f"{message.prefix}-{given}")
    return CommandContext(
        subject,
        operation.action,
        command_id,
        now_text(),
        message.attempt,
        command is not None and command.dry_run,
        known("Actor"),
        known("Reason"),
        message.traceparent,
        message.tracestate,
        role=known("Role"),
    )
