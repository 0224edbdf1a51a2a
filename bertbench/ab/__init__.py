"""Two sides run in turn, a process at a time: is a training step of the candidate slower?"""
