"""BERT in Keras 3 operations on packed batches, with its own training step.

::

    layout      what the network reads of a batch, as flat index arrays (NumPy)
    operations  what BERT is made of, gradients written out
    attention   the rectangle of rows times longest row, and the ways in and out
    dropout     named random operations
    bert        the network
    weights     checkpoint tensors <-> parameters
    tables      which rows of the embeddings take part
    optimizers, one_pass_adam
    steps, tensorflow_steps, backends
    state       beginning, saving and restoring
    flops, recipe, export
    engine      all of the above behind `engines.protocol.Engine`
"""
