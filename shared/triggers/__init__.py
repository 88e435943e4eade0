"""Reads a platform's event (HTTP call, timer or queue, on SCF or FC) into a Delivery of messages.

Pure functions of the event: no environment, no clock, no SDK. They never log or quote what the event holds.
"""

from shared.triggers.delivery import Delivery, Message, Trigger, UnknownEvent, fit_id
from shared.triggers.reading import read

__all__ = ["Delivery", "Message", "Trigger", "UnknownEvent", "fit_id", "read"]
