"""serverless.yml as a typed description, checked against the rules of both platforms."""
