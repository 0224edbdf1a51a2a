"""KerasHub's BertTextClassifier, trained by its own `compile` and `fit`; import `engine`, which loads Keras."""
