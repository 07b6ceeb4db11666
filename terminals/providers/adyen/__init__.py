"""Terminals of Adyen: nexo messages in JSON, over Adyen's cloud or to a terminal in the store."""
