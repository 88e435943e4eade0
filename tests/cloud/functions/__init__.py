"""Both platforms that run deployed functions: instances, triggers, URLs. The APIs that deploy them are in `tencent` and
`alibaba`.
"""
