"""The stand-in for both clouds: one server on loopback with state and rules, and with real Redis servers behind it.

Packages, lowest first; each imports only from itself and from packages before it:

    state < wire < backends < faults < queues < functions < tencent, alibaba < server < client < invocation < demo

A call arrives at `server`. The gateway of its cloud checks who calls and what the call asks for; then the service
answers. `client` starts a server and speaks to it from outside. `invocation` runs the checkout's functions.
"""
