"""What the pages of the admin are built from: layout, actions, filters, totals, rendering."""
