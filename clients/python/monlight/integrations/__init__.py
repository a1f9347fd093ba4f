"""Integrations, one module each; none that needs a framework is imported unasked."""
