"""The contract in machine-readable form: JSON Schema, OpenAPI 3.1 and AsyncAPI 3.0, made of the models in `shared`.

`python -m shared.workbench.schemas` writes events/schemas/. What a field means is said once, in `texts`.
"""
