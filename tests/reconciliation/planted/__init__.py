"""A shop's week with faults planted in what it is sent, and the truth about each of them kept aside."""
