"""Tencent Cloud's error codes, and what each proves about a change.

Sources, with the short names that the rows use:
- SDK: `errorcodes.py` of tencentcloud-sdk-python-redis 3.1.189, -tcr 3.1.189 and -ssm 3.1.194, with their texts;
- page: the error table of the action's own page (redis 2018-04-12, tcr 2019-09-24, ssm 2019-09-23);
- common: the list of codes that any action may answer (tencentcloud.com document 1209/56023 and similar pages). A
  family of codes is a pattern here only if that list says that the cloud refuses the request itself: for its caller,
  its rate or its parameters;
- name: no page says it, but the words of the code do.
No code here is always about the form of a new password.
"""

from __future__ import annotations

from shared.clouds.error_classification import CodeTable, Proves, code_rows
from shared.runtime.errors import ErrorClass

_E, _P = ErrorClass, Proves

TENCENT_CODES = CodeTable(
    [
        # --- about the old secret
        code_rows(
            _P.OLD_SECRET,
            _E.WRONG_OLD_SECRET,
            "page of ModifyInstancePassword; SDK: wrong password; the old password differs from the one that was set",
            "InvalidParameterValue.PasswordError InvalidParameterValue.PasswordRuleError",
        ),
        # --- nothing happened, and the call may work later
        code_rows(
            _P.LATER,
            _E.THROTTLED,
            "common, ssm SDK; sub-codes: the SDK's own retry list",
            "RequestLimitExceeded RequestLimitExceeded.* LimitExceeded.RateLimitExceeded",
        ),
        code_rows(
            _P.LATER,
            _E.BUSY,
            "pages of the redis actions; SDK: locked by another flow, or the status does not allow the operation",
            """ResourceUnavailable.InstanceLockedError ResourceUnavailable.InstanceUnLockedError
            ResourceUnavailable.InstanceStatusAbnormal ResourceUnavailable.InstanceStatusError
            ResourceUnavailable.InstanceStateError ResourceUnavailable.InstanceNotSupportOperation
            ResourceUnavailable.GetSecurityError ResourceInUse.InstanceBeenLocked""",
        ),
        code_rows(
            _P.LATER,
            _E.BUSY,
            "redis SDK: another task holds the backup, the replication group or the data transfer",
            """ResourceUnavailable.BackupLockedError ResourceUnavailable.BackupStatusAbnormal
            ResourceUnavailable.BackupStatusInvalid LimitExceeded.ReplicationGroupLocked
            UnsupportedOperation.Inspection FailedOperation.DtsStatusAbnormal""",
        ),
        code_rows(_P.LATER, _E.BUSY, "common: the resource is in use", "ResourceInUse"),
        code_rows(
            _P.LATER,
            _E.BUSY,
            "common and the ssm page of PutSecretValue: a quota is used up; others may free some of it",
            "LimitExceeded",
        ),
        code_rows(
            _P.LATER, _E.BUSY, "tcr SDK: the instance does not run", "ResourceInsufficient.ErrorInstanceNotRunning"
        ),
        code_rows(
            _P.LATER,
            _E.UNAVAILABLE,
            "ssm page of GetSecretValue: the secret store could not reach its keys",
            "FailedOperation.AccessKmsError",
        ),
        # --- nothing happened, and the call cannot work
        code_rows(
            _P.FRESH_KEYS,
            _E.FORBIDDEN,
            "common: the token is wrong or has expired; the signature is older than five minutes",
            "AuthFailure.TokenFailure AuthFailure.SignatureExpire",
        ),
        code_rows(
            _P.FOR_GOOD,
            _E.FORBIDDEN,
            "common (a family: the caller is checked first); redis SDK",
            "AuthFailure AuthFailure.* UnauthorizedOperation UnauthorizedOperation.*",
        ),
        code_rows(
            _P.FOR_GOOD,
            _E.FORBIDDEN,
            "redis page and SDK: no permission for the API or the instance",
            "InvalidParameter.PermissionDenied InternalError.InstanceOperatePermissionError",
        ),
        code_rows(
            _P.FOR_GOOD,
            _E.FORBIDDEN,
            "ssm pages of GetSecretValue and DescribeSecret: a role is missing, not the secret",
            "OperationDenied.RoleNotExist",
        ),
        code_rows(
            _P.FOR_GOOD,
            _E.FORBIDDEN,
            "sts SDK: the caller is checked first",
            "FailedOperation.TempKeyNotAllowed InternalError.IllegalRole",
        ),
        code_rows(
            _P.FOR_GOOD,
            _E.NOT_FOUND,
            "common (a family); redis, tcr and ssm SDK",
            "ResourceNotFound ResourceNotFound.* ResourceUnavailable.InstanceDeleted",
        ),
        code_rows(
            _P.FOR_GOOD,
            _E.INVALID_COMMAND,
            "common (families: the request's own parameters); redis, tcr and ssm SDK",
            """InvalidParameter InvalidParameter.* InvalidParameterValue InvalidParameterValue.*
            MissingParameter MissingParameter.* UnknownParameter UnknownParameter.* UnsupportedRegion""",
        ),
        code_rows(
            _P.FOR_GOOD,
            _E.FAILED,
            "common: the action, its version or its form is not served",
            "InvalidAction NoSuchVersion ActionOffline UnsupportedProtocol RequestSizeLimitExceeded",
        ),
        code_rows(
            _P.FOR_GOOD,
            _E.FAILED,
            "pages of the redis and tcr actions; SDK: not supported or denied for this instance",
            """FailedOperation.UnSupportError UnsupportedOperation OperationDenied
            OperationDenied.QuotaOverLimit UnsupportedOperation.ClusterInstanceAccessedDeny
            UnsupportedOperation.InstanceNotOperation UnsupportedOperation.IsAutoRenewError
            UnsupportedOperation.LimitProxyVersion UnsupportedOperation.LowVersion
            UnsupportedOperation.OnlyClusterInstanceCanExportBackup UnsupportedOperation.ErrNoUserInitialized""",
        ),
        code_rows(
            _P.FOR_GOOD,
            _E.FAILED,
            "redis SDK: expired, misconfigured, or not sold here",
            """ResourceUnavailable.InstanceIsolated ResourceUnavailable.InstanceConfError
            ResourceUnavailable.NoRedisService ResourceUnavailable.NoServiceAvailableForThisZoneId
            ResourceUnavailable.NoTypeIdRedisService ResourceUnavailable.SaleOut
            ResourceUnavailable.SecurityGroupNotSupported ResourceUnavailable.NoEnoughVipInVPC
            ResourceUnavailable.BackupSpecError ResourceUnavailable.InstanceNoDeal
            ResourceUnavailable.AccountBalanceNotEnough""",
        ),
        code_rows(
            _P.FOR_GOOD,
            _E.FAILED,
            "redis and tcr SDK: limits of what can be bought or made",
            """LimitExceeded.ExceedUpperLimit LimitExceeded.InstanceNotEmpty LimitExceeded.InvalidMemSize
            LimitExceeded.InvalidParameterGoodsNumNotInRange LimitExceeded.MemSizeNotInRange
            LimitExceeded.PeriodExceedMaxLimit LimitExceeded.PeriodLessThanMinLimit LimitExceeded.ReachTheAmountLimit
            LimitExceeded.ErrNamespaceMaxLimit LimitExceeded.ErrRepoMaxLimit LimitExceeded.ErrTriggerMaxLimit""",
        ),
        code_rows(
            _P.FOR_GOOD,
            _E.FAILED,
            "pages of the ssm actions; SDK",
            """ResourceUnavailable.NotPurchased ResourceUnavailable.ResourceDisabled
            ResourceUnavailable.ResourcePendingDeleted ResourceUnavailable.ResourceUninitialized
            ResourceInUse.SecretExists ResourceInUse.VersionIdExists ResourceInUse.ServiceAlreadyEnabled
            FailedOperation.RotationForbidden OperationDenied.AutoRotatedResource OperationDenied.UinNotMatch
            OperationDenied.AccessKeyOverLimit""",
        ),
        # --- proves nothing
        code_rows(
            _P.NOTHING,
            _E.AMBIGUOUS,
            "SDK: the service failed, and does not say whether before or after the effect",
            """FailedOperation FailedOperation.* InternalError InternalError.* ResourceUnavailable.CallOssError
            ServiceUnavailable ServiceUnavailable.* ResourceUnavailable ResourceInsufficient
            ResourceInsufficient.ErrorVpcDnsStatus ResourcesSoldOut DryRunOperation""",
        ),
        code_rows(
            _P.NOTHING,
            _E.AMBIGUOUS,
            "tcr SDK: to create, change or list a private zone failed; not: it is unsupported",
            """UnsupportedOperation.CreatePrivateZone UnsupportedOperation.CreatePrivateZoneRecord
            UnsupportedOperation.DeletePrivateZoneRecord UnsupportedOperation.DescribePrivateZoneList
            UnsupportedOperation.DescribePrivateZoneRecordList UnsupportedOperation.ModifyPrivateZoneRecord
            UnsupportedOperation.ModifyPrivateZoneVpc""",
        ),
    ]
)
