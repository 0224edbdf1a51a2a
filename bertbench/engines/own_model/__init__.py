"""A model of the user's own, made by a factory that a spec names; docs/your-own-model.md."""
