"""Where core and edge meet: each job reads what is due, calls the pure part and writes the result.

Every job can be run again and gives the same rows. The time is passed in; nothing here reads the clock.
"""
