"""The peer lives in an environment of its own, with transformers 4: `tox -e peers-tf`."""
