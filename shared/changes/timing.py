"""How long a change waits, and how much of its deadline it keeps back. All in seconds."""

LEAST_S = 1.8  # a change is started only with this much time left: to call, to find out, to publish
LOOK_S = 0.3  # the time of a new look before another call
RESERVE_S = 0.9  # kept back for publishing
KEEP_S = 1.6  # also kept back for the store, once before the call and once after it
FRESH_S = 10.0
"""An older look at store or account allows no call. A call may then wait 20 s more for its turn."""
SOON_S = 15.0  # a task that is seen this soon after a lost call counts as that call's
QUICK_S = 1.2  # a task that ends within this is reported at once, without a second invocation
AT_ONCE_S = 0.01  # first poll, if only the account's status shows the change: it must be seen changing
FIRST_POLL_S = 0.5  # most tasks have ended by then, so that one question is enough
LONGEST_POLL_S = 2.0
