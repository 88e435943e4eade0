"""Both platforms that run functions: hosts, instances, addresses, and one fresh process an invocation."""
