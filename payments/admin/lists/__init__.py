"""What every list offers beside its rows: filters, totals, columns, saved views, files. The data is each list's own."""
