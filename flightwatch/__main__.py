"""`python -m flightwatch`."""

from flightwatch.cli import main

main()
