"""Settlement and bank files in: one module per format, each a `reconciliation.formats.base.Format`."""
