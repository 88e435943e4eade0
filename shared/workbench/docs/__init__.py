"""The reference as one HTML file that needs no network: `python -m shared.workbench.docs [OUT]`.

Every text comes from the one place where it is kept: README's sections, the chapters in `manual/`, the docstrings of
`functions/`, the schemas in `events/schemas/`, `serverless.yml`, and the tables in `shared/workbench/operations/`. The
HTTP interface is shown by Redoc; `page.css` and `page.js` hold the rest of the page.
"""
