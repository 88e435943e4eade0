"""`make rotate`: one firing of a policy, asked for by hand and watched to its end."""
