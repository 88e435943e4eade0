"""One file an operation. A package puts exactly one of them at the root of its zip; none imports another."""
