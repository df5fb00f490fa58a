"""The words of the field as types, and the errors. Imports nothing else of Shotsmith and does no I/O."""
