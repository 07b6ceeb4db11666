"""Who moves the money: stateless translators between our words and a provider's."""
