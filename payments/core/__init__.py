"""What every floor uses and that knows none: money, ids, IBANs, card numbers, errors, encryption."""
