"""`make rotate`: starts one firing of a policy by hand, and watches it until it has ended."""
