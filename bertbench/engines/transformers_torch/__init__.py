"""transformers' BertForSequenceClassification in a plain PyTorch loop: the peer as its users run it.

::

    network       the model from a checkpoint's folder, and torch.compile
    updates       PyTorch's optimizers from the spec, clipping, and both read back
    dropouts      where the model drops, and whether it really does
    recipe        what is really computed, read back
    state         beginning, saving and restoring
    engine        all of the above behind `engines.protocol.Engine`
"""
