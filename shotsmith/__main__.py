"""`python -m shotsmith`"""

from .cli import main

main()
