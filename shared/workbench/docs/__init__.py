"""The reference as one HTML file that needs no network: `python -m shared.workbench.docs [OUT]`.

The texts come from README's sections, the chapters in `manual/`, the docstrings of `functions/`, the schemas in
`events/schemas/`, `serverless.yml`, the Makefile, the tables of error codes and claims, and the tables in
`shared/workbench/operations/`. `menu.toml` sets the order of the chapters. `synonyms.toml` lists further words for the
search. `page.css`, `page.js` and `search.js` are the rest of the page.
"""
