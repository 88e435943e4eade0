"""Signed calls of both clouds' APIs by the vendors' clients, without keyturn's own code for reading answers."""
