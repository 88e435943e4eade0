"""The stand-in for both clouds: one loopback server with state, rules, and real Redis servers behind it.

Rooms, lowest first; each imports only from itself and from rooms before it:

    state < wire < backends < faults < queues < functions < tencent, alibaba < server < client < invocation < demo

A call comes in at `server`, which asks the gateway of its cloud who calls and what is asked, then the service. `client`
starts a server and speaks to it from outside; `invocation` runs the functions of the checkout themselves.
"""
