"""One spec in many environments: which run where, what they came to, and which packages set them apart."""
