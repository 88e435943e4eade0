"""Alibaba Cloud's error codes, and what each proves about a change.

The page of ModifyAccountPassword names no code, so the rows have other sources. Their short names:
- siblings: the pages of the other account actions of R-kvstore 2015-01-01 (CreateAccount, ResetAccountPassword,
  DeleteAccount, GrantAccountPrivilege);
- common: the codes of every RPC action (help.aliyun.com document 434846 and similar pages);
- provider: what aliyun/terraform-provider-alicloud (81c43b6) waits for, in `errors.go` and its service files;
- kms: the pages of the actions of KMS 2016-01-20, and its common codes;
- name: no page says it, but the words of the code do.
"""

from __future__ import annotations

from shared.clouds.error_classification import CodeTable, Proves, code_rows
from shared.runtime.errors import ErrorClass

_E, _P = ErrorClass, Proves

ALIBABA_CODES = CodeTable(
    [
        # --- about the new value
        code_rows(
            _P.NEW_VALUE, _E.INVALID_COMMAND, "siblings: AccountPassword is not valid", "InvalidAccountPassword.Format"
        ),
        code_rows(
            _P.NEW_VALUE,
            _E.INVALID_COMMAND,
            "name; it has the form of the published code",
            "InvalidPassword.Format InvalidNewPassword.Format InvalidNewAccountPassword.Format",
        ),
        # --- nothing happened, and the call may work later
        code_rows(
            _P.LATER,
            _E.THROTTLED,
            "common (a family); kms; provider, for every code that begins so",
            "Throttling Throttling.* Rejected.Throttling Rejected.Throttling.*",
        ),
        code_rows(_P.LATER, _E.BUSY, "siblings: ResetAccountPassword", "TaskExists"),
        code_rows(
            _P.LATER,
            _E.BUSY,
            "provider: waited for, by exact names",
            """IncorrectDBInstanceState OperationDenied.DBInstanceStatus OperationDenied.DBStatus
            OperationDenied.DBClusterStatus OperationDenied.KVstoreInstanceStatus LockTimeout ConcurrentTaskExceeded
            Task.Conflict""",
        ),
        code_rows(
            _P.LATER,
            _E.BUSY,
            "provider: #5033, #3635, #6997 wait for codes of this form, in other products",
            "OperationDenied.*Status OperationDenied.*State OperationDenied.*OrderProcessing",
        ),
        code_rows(
            _P.LATER, _E.BUSY, "kms: no room for versions or stages; others may make room", "Rejected.LimitExceeded"
        ),
        # --- nothing happened, and the call cannot work
        code_rows(
            _P.FRESH_KEYS,
            _E.FORBIDDEN,
            "common: the token has expired; the time is unreadable or 15 minutes wrong",
            """InvalidSecurityToken.Expired InvalidTimeStamp InvalidTimeStamp.Format InvalidTimeStamp.Expired
            RequestTimeTooSkewed""",
        ),
        code_rows(
            _P.FOR_GOOD,
            _E.FORBIDDEN,
            "common: the caller is checked first",
            """Forbidden Forbidden.RAM Forbidden.RiskControl NoPermission InvalidAccessKeyId.NotFound
            InvalidAccessKeyId.Inactive InvalidAccessKeyId InvalidSecurityToken InvalidSecurityToken.*
            SignatureDoesNotMatch IncompleteSignature UnsupportedSignatureMethod""",
        ),
        code_rows(_P.FOR_GOOD, _E.FORBIDDEN, "kms: no permission for the secret", "Forbidden.NoPermission"),
        code_rows(
            _P.FOR_GOOD,
            _E.FORBIDDEN,
            "sts (42775): no such role, or the role allows no keys for so long or with this session name",
            """EntityNotExist.Role InvalidParameter.RoleArn InvalidParameter.RoleSessionName
            InvalidParameter.DurationSeconds""",
        ),
        code_rows(_P.FOR_GOOD, _E.NOT_FOUND, "kms: no such secret, version or key", "Forbidden.ResourceNotFound"),
        code_rows(
            _P.FOR_GOOD,
            _E.NOT_FOUND,
            "siblings and provider: the thing that the parameter names does not exist",
            "InvalidAccountName.NotFound InvalidInstanceId.NotFound Invalid*.NotFound",
        ),
        code_rows(
            _P.FOR_GOOD,
            _E.FAILED,
            "common: the product, the action or the way to call it is not served",
            """InvalidApi.NotFound InvalidAction.NotFound InvalidProduct.NotFound InvalidVersion.NotFound
            InvalidProtocol.NeedSsl UnsupportedHTTPMethod InvalidOperation.NotSupportedEndpoint""",
        ),
        code_rows(
            _P.FOR_GOOD,
            _E.FAILED,
            "siblings: the engine, its version or the account does not support the action",
            """InvalidEngineVersion.Format IncorrectMinorVersion IncorrectAccount AccountLimitExceeded
            InvalidDBInstanceAccountMode.Format""",
        ),
        code_rows(
            _P.FOR_GOOD, _E.FAILED, "provider: DescribeInstanceSSL, an engine without TLS", "IncorrectEngineVersion"
        ),
        code_rows(_P.FOR_GOOD, _E.FAILED, "provider: the instance has expired", "OperationDenied.OutofUsage"),
        code_rows(_P.FOR_GOOD, _E.FAILED, "name: denied, unsupported", "OperationDenied UnsupportedOperation"),
        code_rows(
            _P.FOR_GOOD,
            _E.FAILED,
            "kms (a family): the secret's or the key's state refuses the request",
            "Rejected.ResourceExist Rejected.ResourceInDeleteWindow Rejected.Unavailable Rejected.Disabled Rejected.*",
        ),
        code_rows(
            _P.FOR_GOOD,
            _E.INVALID_COMMAND,
            "siblings: a parameter breaks its rule",
            """InvalidAccountName.Format InvalidAccountName.Duplicate InvalidAccountName.Forbid
            InvalidAccountDescription.Format InvalidAccountPrivilege.Format InvalidAccountPrivilege.Malformed
            Invalid*.Format Invalid*.Malformed""",
        ),
        code_rows(
            _P.FOR_GOOD,
            _E.INVALID_COMMAND,
            "common: `MissingParameter` or `Missing<Name>`; kms",
            "MissingParameter Missing* InvalidParameter",
        ),
        # --- proves nothing
        code_rows(
            _P.NOTHING,
            _E.AMBIGUOUS,
            "aliyun/alibaba-cloud-sdk-go#39: also the answer to a second copy of a request that had its effect",
            "SignatureNonceUsed",
        ),
        code_rows(
            _P.NOTHING,
            _E.AMBIGUOUS,
            "common, kms, provider: the service failed, and does not say whether before or after the effect",
            """InternalError InternalError.* InternalFailure ServiceUnavailable ServiceUnavailable.*
            ServiceUnavailableTemporary InstanceConnectTimeoutFault Database.ConnectError""",
        ),
        code_rows(
            _P.NOTHING,
            _E.AMBIGUOUS,
            "RDS ResetAccountPassword: the account's state; R-kvstore does not mention these two",
            "IncorrectAccountStatus InvalideStatus.Format",
        ),
        code_rows(
            _P.NOTHING,
            _E.AMBIGUOUS,
            "in no list of R-kvstore; the provider repeats the first in other products",
            "TooManyRequests SystemBusy",
        ),
    ]
)
