"""The accuracy study on a host: what was measured, when, and how well it was predicted."""
