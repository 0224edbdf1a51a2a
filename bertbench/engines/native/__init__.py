"""BERT in Keras 3 operations on packed batches, with its own training step.

::

    layout        what the network reads of a batch, as flat arrays (NumPy)
    shapes        what batches are padded to where a backend compiles a program for each shape (NumPy)
    grouping      which rows share a rectangle in attention (NumPy)
    operations    what BERT is made of, gradients written out; faster forms: tensorflow_operations, jax_operations
    attention     the ways between packed tokens and rectangles
    dropout       named random operations
    parameters    names and shapes (no library)
    bert          the network
    weights       checkpoint tensors <-> parameters
    tables        which rows of the embeddings take part
    optimizers    Keras' optimizers from the spec; one_pass_adam: one walk through memory
    steps         what a training step is; tensorflow_steps, jax_steps, torch_steps: the steps; backends: which to take
    state         beginning, saving and restoring
    recipe        what is really computed, read back
    engine        all of the above behind `engines.protocol.Engine`
"""
