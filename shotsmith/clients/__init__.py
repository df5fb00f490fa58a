"""What talks to others: vision-language models, and the service from outside."""
