"""The parts of the stand-in Server: its books, its manners and its routes."""
