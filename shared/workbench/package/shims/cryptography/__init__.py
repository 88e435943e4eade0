"""Replaces cryptography in packaged functions that do not seal (`seals: true` ships the real one).

Alibaba's client imports it for RSA signatures (ACS3-RSA-SHA256). keyturn's signatures are HMAC-SHA256, made by the
standard library. No setting chooses another kind.
"""
