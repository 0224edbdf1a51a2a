"""Its being here puts this folder on the import path: ``from fake_machine import ...``."""
