"""The contract in machine-readable form: JSON Schema, OpenAPI 3.1 and AsyncAPI 3.0, generated from the models in
`shared`.

`python -m shared.workbench.schemas` writes events/schemas/. The module `texts` describes each field once.
"""
