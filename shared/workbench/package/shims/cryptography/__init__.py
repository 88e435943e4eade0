"""In a packaged function's place of cryptography, where it does not seal (`seals: true` ships the real one).

Alibaba's client imports it for RSA signatures (ACS3-RSA-SHA256). keyturn's are HMAC-SHA256, by the standard library:
no setting chooses another.
"""
