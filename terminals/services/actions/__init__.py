"""What terminals are asked to do: requested, fetched by the device, answered, or asked about until it is known."""
