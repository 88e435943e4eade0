"""From an empty account to one that `deploy` finds ready: what is missing is shown, then made, then looked at again."""
