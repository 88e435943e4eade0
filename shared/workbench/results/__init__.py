"""The results queue of a deployed bundle as a person reads it: nothing is taken from the queue's consumers."""
