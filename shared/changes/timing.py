"""How long a change waits, and how much of its deadline it keeps back. All in seconds."""

LEAST_S = 1.8  # a change is started only with this much time left: to call, to find out, to publish
LOOK_S = 0.3  # what looking anew before another call takes
RESERVE_S = 0.9  # kept back for publishing
KEEP_S = 1.6  # kept back for the store besides, once before the call and once after
FRESH_S = 10.0
"""A look at store or account that is older allows no call; another 20 s a call may wait in line for its turn."""
SOON_S = 15.0  # a task that is seen so soon after a lost call is taken for that call's
QUICK_S = 1.2  # a task that ends within this is reported at once, without a second invocation
AT_ONCE_S = 0.01  # where only an account's status tells: it may be seen to change, which makes its rest a proof
FIRST_POLL_S = 0.5  # most tasks have ended by then, so that one question is enough
LONGEST_POLL_S = 2.0
