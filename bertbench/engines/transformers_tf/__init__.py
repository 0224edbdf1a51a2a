"""transformers' TFBertForSequenceClassification under tf-keras, trained by `compile` and `fit`.

::

    network       the model, and its variables and dropouts under the names that all engines use
    updates       tf-keras' optimizers from the spec, read back
    recipe        what is really computed, read back
    state         beginning, saving and restoring
    engine        all of the above behind `engines.protocol.Engine`
"""
