"""The reference as one HTML file that needs no network: `python -m shared.workbench.docs [OUT]`.

Every text comes from the one place where it is kept: README's sections, the chapters in `manual/`, the docstrings of
`functions/`, the schemas in `events/schemas/`, `serverless.yml`, the Makefile, the tables of error codes and claims,
and the tables in `shared/workbench/operations/`. `menu.toml` has the order of the chapters, `synonyms.toml` what the
search knows besides the page's own words. `page.css`, `page.js` and `search.js` hold the rest of the page.
"""
