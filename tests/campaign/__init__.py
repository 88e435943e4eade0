"""The fault campaign: it plays every operation with every fault, by every trigger, and delivers each event twice."""
