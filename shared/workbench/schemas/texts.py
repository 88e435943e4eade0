"""What each field means, said once: the schemas, the manual's page and OpenAPI show it from here.

What only one operation takes is said in its function file, below the field. A field that has no text stops
`make schemas`.
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.workbench.bundle.function_text import TextMissing, command_texts

_COMMAND = {
    "Region": "Cloud region of the resource. Default: `KEYTURN_REGION`, else the region that the function runs in.",
    "Site": "Tencent's site: `domestic` or `intl`. Default: `KEYTURN_SITE`. Regions ending in `-fsi` have a host"
    " of their own.",
    "Role": "The role of another account to work in, assumed by STS: the credential and its store are that account's."
    " Only a role that `KEYTURN_ASSUME` names.",
    "CommandId": "Same id = same change. Default over HTTP: header `Idempotency-Key`, else the request id; in a queue:"
    " the CloudEvent's `id`, else the message's; of a timer: its name and time, put before an id given here.",
    "DryRun": "Show what read calls can show: state, account, running tasks, rules. Change nothing.",
    "Login": "Prove the result by a login, at the address that the cloud reports for the instance.",
    "Deliver": "Where a new secret goes that the sender does not know. Goes only with `Generate` or `Random`.",
    "Actor": "Who asks, copied to the result as claimed. Must not hold a secret.",
    "Reason": "Why, copied to the result as claimed. Must not hold a secret.",
    "Alternate": "Two accounts that a store's secret names in turn: the idle one is changed and becomes current. Goes"
    " with `Generate` and `Deliver.Store`, in place of `AccountName`.",
}

_COUNTS = {
    "Listed": "Credentials found so far.",
    "Due": "Of these: older than the policy allows.",
    "Sent": "Of these: sent as commands.",
    "NotDue": "Of these: young enough, or not in use.",
    "Unknown": "Of these: without an age, or not listed.",
    "NotAllowed": "Of these: not named by `KEYTURN_ALLOW`.",
}

FIELDS: dict[str, dict[str, str]] = {
    "Deliver": {
        "Store": "Kept there, written ahead of the change as a version that keyturn names. Takes no version. Where an"
        " old password is needed, Store is required.",
        "Adopt": "With Store: the store may be another credential's by now, if none of its versions is pending.",
        "Seal": "Sealed to this public key: a JWE in the result's `Sealed`. Without Store over HTTP alone.",
        "Reply": "In the HTTP reply, to a caller who waits. The default for `Random` over HTTP. On SCF, whose log holds"
        " what a function returns, it needs `KEYTURN_REPLY=on`; `KEYTURN_REPLY=off` forbids it elsewhere.",
    },
    "PlanRotation": {
        "Policy": "The policy's name. It is part of the CommandId of each change that it asks for.",
        "Function": "The operation whose commands are sent.",
        "Region": _COMMAND["Region"],
        "Regions": "Several regions, in the place of Region: each is listed by itself, and reported by itself.",
        "Role": "The role of another account, whose credentials and stores these are. Only a role that `KEYTURN_ASSUME`"
        " names.",
        "Roles": "Several such roles, in the place of Role. Each account is listed by itself, in each of Regions, and"
        " reported by itself: what one refuses stops no other.",
        "Site": _COMMAND["Site"] + " Not with Alibaba's operation.",
        "Resources": "Which resources of the region belong to the policy.",
        "Accounts": "Which accounts, as patterns in which `*` alone is special. Exactly one of Accounts and Alternate,"
        " except where the operation is for one account.",
        "Alternate": "Two accounts that each secret names in turn. Exactly one of Accounts and Alternate.",
        "MaxAgeDays": "A credential is due once its secret is older, in days.",
        "Store": "Where each new secret is kept: `ssm://name` or `kms://name`, with `{resource}` and `{account}` in the"
        " name wherever the policy may mean several. Required, except in mode `report`.",
        "Length": "Characters of a new secret, within the operation's own bounds.",
        "Mode": "`rotate` sends commands for what is due; `report` only tells the ages.",
        "JitterS": "Commands are spread by up to so many seconds.",
        "Login": _COMMAND["Login"],
        "CommandId": "The firing's name. Default as for other commands.",
        "From": "Where a firing goes on; written by keyturn alone, and refused from anybody else.",
    },
    "Resources": {
        "Tags": "Tags that a resource must have, all of them.",
        "Patterns": "Names of resources, in which `*` alone is special; one must match.",
    },
    "Continuation": {
        "Firing": "The firing's name.",
        "Fired": "When it began.",
        "Page": "The number of the next report, from 0.",
        "Offset": "The list's page to go on with, as an offset.",
        "After": "The last resource that was dealt with.",
        "Next": "When the next command may begin.",
        **_COUNTS,
    },
    "FollowChange": {
        "Cloud": "Whose credential it is.",
        "Service": "Of which service.",
        "Region": "In which region.",
        "Site": "Tencent's site.",
        "Role": _COMMAND["Role"],
        "Resource": "The instance or registry.",
        "Account": "The account.",
        "Operation": "The operation that began the change.",
        "CommandId": "The command's id; the result bears it.",
        "TaskId": "The task to ask for.",
        "Settling": "The call's answer was lost: reads are to tell what it did.",
        "Refused": "Why this delivery changed nothing, should no earlier one turn out to have either.",
        "Unclear": "An earlier call of the change may still take effect, whatever becomes of the task.",
        "Proven": "The change is in force, and only the store does not say so yet. Requires Store.",
        "Login": "The command asks for a login.",
        "Before": "What stood before the call.",
        "Store": "The new secret's place in a store, names alone.",
        "Sealed": "The sealed secret, for the result.",
        "StartedAt": "When the command's delivery began.",
        "Attempts": "Which delivery of the command it was, from 1.",
        "RequestId": "The cloud's id of the call.",
        "Evidence": "What is known so far, for the result.",
        "Actor": _COMMAND["Actor"],
        "Reason": _COMMAND["Reason"],
    },
    "PendingVersion": {
        "Name": "The secret: `ssm://name` or `kms://name`.",
        "Version": "Its version, named by keyturn.",
        "Region": "The store's region.",
        "Current": "The version that was current before.",
    },
    "EarlierRefusal": {
        "Class": "The class of the error.",
        "Code": "Its code.",
        "Message": "What happened, and what to do next.",
        "Retryable": "Whether the same command may work later.",
    },
    "BeforeTheCall": {
        "Tasks": "The instance's tasks.",
        "Time": "The secret's last change, by the service's own clock.",
        "Asked": "What the account will show of the change, beside its secret.",
        "Secret": "Whether a new secret was asked.",
        "Calls": "Calls of the change whose answers were lost.",
        "Denied": "The fence has refused the new secret since.",
        "Soon": "Tasks of the same operator that were seen within seconds of such a call.",
    },
    "LostCallTimes": {
        "Signed": "When the last call was made whose answer was lost.",
        "Quiet": "The first look, after the settling time, that showed nothing of it.",
    },
    "ResultEvent": {
        "specversion": "CloudEvents 1.0.",
        "id": "The first 32 hex digits of SHA-256 over the JSON array of source, subject, Operation, CommandId and the"
        " fact: `in_force` for changed and already_changed, else the outcome. Consumers dedupe on it.",
        "source": "`keyturn/<cloud>/<region>`; `-` where unknown.",
        "type": "`keyturn.credential.` and the outcome.",
        "subject": "`<service>/<resource>/<account>`; `-` where unknown. A Redis instance's password is `root`'s.",
        "time": "When the result was made.",
        "datacontenttype": "JSON.",
        "traceparent": "W3C Trace Context, where the command had one.",
        "tracestate": "W3C Trace Context, where the command had one beside its traceparent.",
        "data": "What happened.",
    },
    "Result": {
        "CommandId": "The command's id, given or by default.",
        "Operation": "The cloud API's action; of the functions without one, their name.",
        "Outcome": "How this delivery ended. `pending` alone is not terminal.",
        "RequestId": "The cloud's id of the call that counts.",
        "TaskId": "The task that the call returned.",
        "Evidence": "How we know, a line each, in order.",
        "Error": "What went wrong, if anything did.",
        "Attempts": "Which delivery of the command this is, from 1, where keyturn itself handed it back.",
        "StartedAt": "When the delivery began that made the change.",
        "FinishedAt": "When it ended.",
        "DryRun": "Nothing was to be changed.",
        "Sealed": "The new secret for the owner of the key in `Deliver.Seal`: a compact JWE (RFC 7516).",
        "Stored": "Where the new secret is kept.",
        "Role": "The role of another account in which the command worked, or was to.",
        "Actor": "As the command claims.",
        "Reason": "As the command claims.",
    },
    "Error": {
        "Class": "What to do next hangs on it.",
        "Code": "The cloud's own code, or keyturn's.",
        "Message": "What happened and what to do next, for people. Its wording may change.",
        "Retryable": "The same command may work when it is sent again.",
    },
    "Stored": {
        "Name": "`ssm://name` or `kms://name`.",
        "Version": "The version that holds the secret.",
        "Stage": "What that version is in the store: `current`, or `pending` until the change is known to be in force.",
    },
    "RotationReport": {
        "specversion": "CloudEvents 1.0.",
        "id": "As of a result; the fact is the page.",
        "source": "`keyturn/<cloud>/<region>`.",
        "type": "One type for all pages.",
        "subject": "`<service>/-/-`.",
        "time": "When the page was made.",
        "datacontenttype": "JSON.",
        "traceparent": "W3C Trace Context, where the firing had one.",
        "tracestate": "W3C Trace Context, where the firing had one beside its traceparent.",
        "data": "One page of a firing.",
    },
    "RotationCounts": _COUNTS,
    "RotationPage": {
        "Policy": "The policy's name.",
        "Mode": "`rotate`, or `report` where nothing is sent.",
        "Function": "The operation whose commands are sent.",
        "Role": "The role of another account, whose credentials these are.",
        "MaxAgeDays": "The age in days above which a credential is due.",
        "Firing": "The firing's name.",
        "Fired": "When it began.",
        "Page": "The page's number, from 0.",
        "Last": "No page follows: the counts are the firing's.",
        **_COUNTS,
        "Rows": "The page's credentials: all in mode `report`, else those that are due or have no age.",
        "Evidence": "What an age is taken from.",
        "Error": "Why the firing ended early, if it did.",
    },
    "RotationRow": {
        "Resource": "The instance or registry.",
        "Account": "The account; `-` for a resource that could not be listed; two names for a pair in turn.",
        "AgeDays": "Days since its secret changed; null where nobody knows.",
        "ChangedAt": "When its secret changed; null where nobody knows.",
        "Due": "Older than the policy allows.",
        "Why": "Why it is due or not.",
        "CommandId": "The id of the change that is due.",
    },
    "Reply": {
        "Result": "The result event; null where there is none (a firing of plan_rotation tells by reports).",
        "Delivered": "The results queue has confirmed it.",
        "Password": "The new secret, where `Deliver.Reply` or Random asked for it. Shown once.",
        "Rotation": "From plan_rotation alone, where the fleet was listed: the counts up to this reply.",
        "Continues": "Beside Rotation: true where another invocation lists the rest. The last page of the rotation's"
        " report (`Last`) then has the counts of the whole.",
    },
    "Replies": {
        "Results": "One a command, in their order.",
        "Delivered": "The results queue has confirmed all.",
        "Passwords": "One a command, in their order; null where none is shown. Absent where none is shown at all.",
        "Rotations": "From plan_rotation alone: one a command, in their order; null for one that was refused. Absent"
        " where all were.",
        "Continues": "Beside Rotations: true where another invocation goes on with one of them.",
    },
    "CommandEvent": {
        "specversion": "CloudEvents 1.0. Some senders write `0`, or leave it out.",
        "id": "The default CommandId, where it is not empty.",
        "source": "Who sends it.",
        "type": "`keyturn.command.` and the function; an event of another system's type is taken as well.",
        "subject": "Which credential; read only to verify `mac`.",
        "time": "Not read.",
        "datacontenttype": "JSON.",
        "attempt": "Deliveries of this command, from 1.",
        "hop": "Messages that keyturn has sent on the way here.",
        "notbefore": "When the command may begin.",
        "traceparent": "W3C Trace Context; dropped where it is malformed.",
        "tracestate": "W3C Trace Context; dropped where it or the traceparent is malformed.",
        "mac": "By it keyturn knows its own messages: base64url, without padding, of HMAC-SHA-256 with"
        " `KEYTURN_HANDOFF_KEY` over the JSON of `type`, `id`, `subject`, `attempt`, `hop` and `data` (sorted keys, no"
        " spaces, UTF-8). With a key set, `attempt` and `hop` of an event without a valid one are ignored.",
        "data": "The command.",
    },
}

SEAL_KEY = (
    "A public JWK: RSA of 2048 to 8192 bits, EC on P-256, P-384 or P-521, or OKP X25519; at most 8192 bytes as JSON,"
    " without a private part. keyturn also checks that the numbers make a key (a point of the curve, not of small"
    " order; an odd modulus). `KEYTURN_SEAL_KEYS` may name the thumbprints that are taken."
)

# One line a rule that JSON Schema cannot say, or that settings decide.
UNSAID = {
    "secret_in_text": "Actor, Reason, CommandId, Remark and names must not hold a secret that the command gives.",
    "same": "The new password must differ from the old one.",
    "waited_for": "Without Store, a generated or random secret is for an HTTP caller who waits: timers, queues and"
    " asynchronous calls are refused.",
    "whole": "Whole numbers are written without a fraction: 24, not 24.0.",
    "region": "Region is required where neither KEYTURN_REGION nor the platform names one.",
}


def fields(model: str) -> Mapping[str, str]:
    """What is said of a model's fields; nothing for a model that nobody describes."""
    if model in command_texts():
        return {**_COMMAND, **command_texts()[model][1]}
    return FIELDS.get(model, {})


def field(model: str, name: str) -> str:
    """What a field of a model means. Raises: TextMissing, naming the file and the field."""
    said = fields(model)
    if name in said:
        return said[name]
    if model in command_texts():
        raise TextMissing(f"functions/{command_texts()[model][0]}.py: no text below the field {name} of {model}")
    raise TextMissing(f"shared/workbench/schemas/texts.py: no text for {name} of {model}")
