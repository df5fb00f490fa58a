"""Clients: of vision-language models (`vlm`) and of Shotsmith itself (`sdk`)."""
