"""Payment providers: stateless translators between our terms and a provider's."""
