"""The meaning of each field. The schemas, the manual's page and OpenAPI all take it from here.

A field that only one operation has is described in its function file, below the field. A field without a text stops
`make schemas`.
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.workbench.bundle.function_text import TextMissing, command_texts

_COMMAND = {
    "Region": "Cloud region of the resource. Default: `KEYTURN_REGION`, else the region that the function runs in.",
    "Site": "Tencent's site: `domestic` or `intl`. Default: `KEYTURN_SITE`. Regions ending in `-fsi` have a host of"
    " their own.",
    "Role": "The role of another account to work in, assumed by STS: the credential and its store are that account's."
    " Only a role that `KEYTURN_ASSUME` names.",
    "CommandId": "Same id = same change. Default over HTTP: header `Idempotency-Key`, else the request id; in a queue:"
    " the CloudEvent's `id`, else the message's; of a timer: its name and time, put before an id given here.",
    "DryRun": "Show what read calls can show: state, account, running tasks, rules. Change nothing.",
    "Login": "Prove the result by a login at the address that the cloud reports for the instance.",
    "Deliver": "Where keyturn puts a new secret that the sender does not know. Requires `Generate` or `Random`.",
    "Actor": "Who asks. keyturn copies it to the result without checking it. Must not hold a secret.",
    "Reason": "Why. keyturn copies it to the result without checking it. Must not hold a secret.",
    "Alternate": "Two accounts that take turns in a store's secret: keyturn changes the idle one and makes it current."
    " Requires `Generate` and `Deliver.Store`, and replaces `AccountName`.",
}

_COUNTS = {
    "Listed": "Credentials found so far.",
    "Due": "Of these: secrets older than the policy allows.",
    "Sent": "Of these: sent as commands.",
    "NotDue": "Of these: secrets that are young enough, or accounts that are not in use.",
    "Unknown": "Of these: secrets whose age is not known, or resources that could not be listed.",
    "NotAllowed": "Of these: not allowed by `KEYTURN_ALLOW`.",
}

FIELDS: dict[str, dict[str, str]] = {
    "Deliver": {
        "Store": "The store that keeps it. keyturn writes it ahead of the change, as a version that keyturn names."
        " Takes no version. Where an old password is needed, Store is required.",
        "Adopt": "With Store: take the store over from another credential. None of its versions may be pending.",
        "Seal": "Sealed to this public key: a JWE in the result's `Sealed`. Without Store only over HTTP.",
        "Reply": "In the HTTP reply, to a caller who waits. The default for `Random` over HTTP. On SCF, whose log"
        " shows what a function returns, this requires `KEYTURN_REPLY=on`; `KEYTURN_REPLY=off` forbids it elsewhere.",
    },
    "PlanRotation": {
        "Policy": "The policy's name. It is part of the CommandId of each change that it asks for.",
        "Function": "The operation whose commands are sent.",
        "Region": _COMMAND["Region"],
        "Regions": "Several regions, instead of Region. Each is listed separately, and has its own report.",
        "Role": "The role of another account, which owns these credentials and stores. Only a role that"
        " `KEYTURN_ASSUME` names.",
        "Roles": "Several such roles, instead of Role. Each account is listed separately, in each of Regions, and has"
        " its own report. If one account refuses, the others still run.",
        "Site": _COMMAND["Site"] + " Not for Alibaba's operations.",
        "Resources": "Which resources of the region belong to the policy.",
        "Accounts": "Which accounts, as patterns; only `*` is special. Give exactly one of Accounts and Alternate,"
        " except for an operation that changes one fixed account.",
        "Alternate": "Two accounts that take turns in each secret. Exactly one of Accounts and Alternate.",
        "MaxAgeDays": "A credential is due if its secret is older than so many days.",
        "Store": "The store of each new secret: `ssm://name` or `kms://name`, with `{resource}` and `{account}` in the"
        " name wherever the policy may match several. Required, except in mode `report`.",
        "Length": "The number of characters of a new secret, within the operation's own limits.",
        "Mode": "`rotate` sends a command for each due credential; `report` only reports the ages.",
        "JitterS": "Commands are spread over up to so many seconds, at random.",
        "Login": _COMMAND["Login"],
        "CommandId": "The firing's name. The default is made as for other commands.",
        "From": "Where a firing continues. Only keyturn writes this; keyturn refuses it from any other sender.",
    },
    "Resources": {
        "Tags": "Tags that a resource must have. It must have all of them.",
        "Patterns": "Names of resources, as patterns; only `*` is special. A resource must match one.",
    },
    "Continuation": {
        "Firing": "The firing's name.",
        "Fired": "When it began.",
        "Page": "The number of the next report, from 0.",
        "Offset": "The offset of the list's page to continue with.",
        "After": "The last resource that was handled.",
        "Next": "The earliest time of the next command.",
        **_COUNTS,
    },
    "FollowChange": {
        "Cloud": "The cloud of the credential.",
        "Service": "Of which service.",
        "Region": "In which region.",
        "Site": "Tencent's site.",
        "Role": _COMMAND["Role"],
        "Resource": "The instance or registry.",
        "Account": "The account.",
        "Operation": "The operation that began the change.",
        "CommandId": "The command's id. The result has the same id.",
        "TaskId": "The task to ask the cloud for.",
        "Settling": "The answer of the call was lost: follow_change must find out by reads what the call did.",
        "Refused": "Why this delivery changed nothing, in case no earlier delivery changed anything either.",
        "Unclear": "An earlier call of the change may still take effect, however the task ends.",
        "Proven": "The change is in force. Only the store does not hold it as current yet. Requires Store.",
        "Login": "The command asks for a login.",
        "Before": "The state before the call.",
        "Store": "The new secret's place in a store. It holds names only, no secret.",
        "Sealed": "The sealed secret, for the result.",
        "StartedAt": "When the command's delivery began.",
        "Attempts": "Which delivery of the command it was, from 1.",
        "RequestId": "The cloud's request id of the call.",
        "Evidence": "What is known so far, for the result.",
        "Actor": _COMMAND["Actor"],
        "Reason": _COMMAND["Reason"],
    },
    "PendingVersion": {
        "Name": "The secret: `ssm://name` or `kms://name`.",
        "Version": "Its version, whose name keyturn chose.",
        "Region": "The store's region.",
        "Current": "The version that was current before the change.",
    },
    "EarlierRefusal": {
        "Class": "The class of the error.",
        "Code": "Its code.",
        "Message": "What happened, and what to do next.",
        "Retryable": "Whether the same command may work if you send it again later.",
    },
    "BeforeTheCall": {
        "Tasks": "The instance's tasks.",
        "Time": "The time of the secret's last change, by the service's own clock.",
        "Asked": "The fields of the account that the change will set, except its secret.",
        "Secret": "Whether the command asked for a new secret.",
        "Calls": "The number of calls of the change whose answers were lost.",
        "Denied": "The fence has since refused the new secret.",
        "Soon": "The tasks of the same operator that were seen within seconds of such a call.",
    },
    "LostCallTimes": {
        "Signed": "When the last call was made whose answer was lost.",
        "Quiet": "When, after the settling time, a read first showed no trace of such a call.",
    },
    "ResultEvent": {
        "specversion": "CloudEvents 1.0.",
        "id": "The first 32 hex digits of SHA-256 over the JSON array of source, subject, Operation, CommandId and the"
        " fact: `in_force` for changed and already_changed, else the outcome. Consumers deduplicate by it.",
        "source": "`keyturn/<cloud>/<region>`; `-` where unknown.",
        "type": "`keyturn.credential.` and the outcome.",
        "subject": "`<service>/<resource>/<account>`; `-` where unknown. A Redis instance's password is `root`'s.",
        "time": "When the result was made.",
        "datacontenttype": "JSON.",
        "traceparent": "W3C Trace Context, if the command had one.",
        "tracestate": "W3C Trace Context, if the command had one with its traceparent.",
        "data": "What happened.",
    },
    "Result": {
        "CommandId": "The command's id: as the command gives it, or the default.",
        "Operation": "The cloud API's action. For a function without one, its name.",
        "Outcome": "How this delivery ended. Only `pending` is not terminal.",
        "RequestId": "The cloud's request id of the call that decided the outcome.",
        "TaskId": "The task that the call returned.",
        "Evidence": "How keyturn knows the outcome: one line for each step, in order.",
        "Error": "What went wrong, if anything went wrong.",
        "Attempts": "Which delivery of the command this is, from 1, if keyturn itself sent the command again.",
        "StartedAt": "When the delivery began that made the change.",
        "FinishedAt": "When it ended.",
        "DryRun": "The command was a dry run: nothing was to be changed.",
        "Sealed": "The new secret for the owner of the key in `Deliver.Seal`: a compact JWE (RFC 7516).",
        "Stored": "Where keyturn keeps the new secret.",
        "Role": "The role of another account in which the command worked, or would have worked.",
        "Actor": "As the command claims; keyturn does not check it.",
        "Reason": "As the command claims; keyturn does not check it.",
    },
    "Error": {
        "Class": "The error class. It decides what to do next.",
        "Code": "The cloud's own code, or keyturn's.",
        "Message": "What happened and what to do next, for people. The wording may change.",
        "Retryable": "The same command may work if you send it again.",
    },
    "Stored": {
        "Name": "`ssm://name` or `kms://name`.",
        "Version": "The version that holds the secret.",
        "Stage": "The state of that version in the store: `current`, or `pending` until the change is known to be in"
        " force.",
    },
    "RotationReport": {
        "specversion": "CloudEvents 1.0.",
        "id": "Made as for a result; the fact is the page.",
        "source": "`keyturn/<cloud>/<region>`.",
        "type": "All pages have the same type.",
        "subject": "`<service>/-/-`.",
        "time": "When the page was made.",
        "datacontenttype": "JSON.",
        "traceparent": "W3C Trace Context, if the firing had one.",
        "tracestate": "W3C Trace Context, if the firing had one with its traceparent.",
        "data": "One page of a firing.",
    },
    "RotationCounts": _COUNTS,
    "RotationPage": {
        "Policy": "The policy's name.",
        "Mode": "`rotate`, or `report`, which sends nothing.",
        "Function": "The operation whose commands are sent.",
        "Role": "The role of another account, which owns these credentials.",
        "MaxAgeDays": "The age in days above which a credential is due.",
        "Firing": "The firing's name.",
        "Fired": "When it began.",
        "Page": "The page's number, from 0.",
        "Last": "True: no page follows, and the counts are those of the whole firing.",
        **_COUNTS,
        "Rows": "The page's credentials: all in mode `report`, otherwise those that are due or have no known age.",
        "Evidence": "How the age is known.",
        "Error": "Why the firing ended early, if it did.",
    },
    "RotationRow": {
        "Resource": "The instance or registry.",
        "Account": "The account; `-` for a resource that could not be listed; both names for two accounts in turn.",
        "AgeDays": "Days since its secret changed; null if not known.",
        "ChangedAt": "When its secret changed; null if not known.",
        "Due": "Older than the policy allows.",
        "Why": "Why it is due or not due.",
        "CommandId": "The id of the command for the due change.",
    },
    "Reply": {
        "Result": "The result event; null if there is none (a firing of plan_rotation publishes reports).",
        "Delivered": "The results queue has confirmed the result.",
        "Password": "The new secret, if `Deliver.Reply` or Random asked for it. It is shown once.",
        "Rotation": "From plan_rotation only, if it listed the fleet: the counts up to this reply.",
        "Continues": "With Rotation: true if another invocation lists the rest. The last page of the rotation's report"
        " (`Last`) then has the counts of the whole.",
    },
    "Replies": {
        "Results": "One result for each command, in the order of the commands.",
        "Delivered": "The results queue has confirmed all results.",
        "Passwords": "One secret for each command, in the order of the commands; null for a command that shows none."
        " Absent if no command shows one.",
        "Rotations": "From plan_rotation only: one for each command, in the order of the commands; null for a refused"
        " command. Absent if all were refused.",
        "Continues": "With Rotations: true if another invocation continues one of them.",
    },
    "CommandEvent": {
        "specversion": "CloudEvents 1.0. Some senders write `0`, or leave it out.",
        "id": "The default CommandId, unless it is empty.",
        "source": "Who sends it.",
        "type": "`keyturn.command.` and the function's name. keyturn also accepts an event of another system's type.",
        "subject": "The credential. keyturn reads it only to verify `mac`.",
        "time": "Not read.",
        "datacontenttype": "JSON.",
        "attempt": "Which delivery of this command it is, from 1.",
        "hop": "The number of messages that keyturn has sent for this command so far.",
        "notbefore": "The earliest time at which the command may begin.",
        "traceparent": "W3C Trace Context; keyturn drops it if it is malformed.",
        "tracestate": "W3C Trace Context; keyturn drops it if it or the traceparent is malformed.",
        "mac": "By this keyturn recognises its own messages: base64url, without padding, of HMAC-SHA-256 with"
        " `KEYTURN_HANDOFF_KEY` over the JSON of `type`, `id`, `subject`, `attempt`, `hop` and `data` (sorted keys, no"
        " spaces, UTF-8). If a key is set, keyturn ignores `attempt` and `hop` of an event without a valid `mac`.",
        "data": "The command.",
    },
}

SEAL_KEY = (
    "A public JWK: RSA of 2048 to 8192 bits, EC on P-256, P-384 or P-521, or OKP X25519; at most 8192 bytes as JSON,"
    " without a private part. keyturn also checks that the numbers are a valid key (a point of the curve, not of small"
    " order; an odd modulus). `KEYTURN_SEAL_KEYS` may limit the accepted keys by their thumbprints."
)

# One line for each rule that JSON Schema cannot express, or that settings decide.
UNSAID = {
    "secret_in_text": "Actor, Reason, CommandId, Remark and names must not hold a secret of the command.",
    "same": "The new password must differ from the old one.",
    "waited_for": "Without Store, a generated or random secret requires an HTTP caller who waits: keyturn refuses"
    " timers, queues and asynchronous calls.",
    "whole": "Write whole numbers without a fraction: 24, not 24.0.",
    "region": "Region is required if neither KEYTURN_REGION nor the platform names one.",
}


def fields(model: str) -> Mapping[str, str]:
    """The texts of a model's fields. Empty: the model has no texts here."""
    if model in command_texts():
        return {**_COMMAND, **command_texts()[model][1]}
    return FIELDS.get(model, {})


def field(model: str, name: str) -> str:
    """The text of a model's field. Raises: TextMissing, naming the file and the field."""
    said = fields(model)
    if name in said:
        return said[name]
    if model in command_texts():
        raise TextMissing(f"functions/{command_texts()[model][0]}.py: the field {name} of {model} has no text below it")
    raise TextMissing(f"shared/workbench/schemas/texts.py: the field {name} of {model} has no text")
