"""The fault campaign: every operation meets every fault, by every trigger, and is delivered again."""
