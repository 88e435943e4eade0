"""The cloud accounts of the stand-in's callers and functions."""

from __future__ import annotations

TENCENT_UIN = "100000000001"
TENCENT_APPID = "1250000000"
ALIBABA_ACCOUNT = "1000000000000001"
