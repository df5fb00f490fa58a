"""Drop-in parts for other frameworks: `langchain` and `dspy`. Each module needs the extra of its name."""
