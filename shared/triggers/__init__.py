"""From the platform's event to a delivery of messages: HTTP call, timer or queue, on either platform.

Pure functions over the event: no environment, no clock, no SDK. Nothing here logs or repeats what it says.
"""

from shared.triggers.delivery import Delivery, Message, Trigger, UnknownEvent, fit_id
from shared.triggers.reading import read

__all__ = ["Delivery", "Message", "Trigger", "UnknownEvent", "fit_id", "read"]
