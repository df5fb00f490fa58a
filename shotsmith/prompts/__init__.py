"""Prompts: images prepared, demonstrations fitted into the budget, dialects rendered, answers parsed. No storage."""
