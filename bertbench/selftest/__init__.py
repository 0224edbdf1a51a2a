"""Does the verdict keep its promises on this machine? Measured, simulated, tried, and tested with faults put in."""
