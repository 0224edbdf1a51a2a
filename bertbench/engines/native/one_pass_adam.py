"""Keras' Adam on TensorFlow with each variable, its gradient and its moments read and written once.

Keras' own update is a chain of operations that walks each of the four arrays several times. TensorFlow has the same
formula as one operation.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class OnePassAdam(keras.optimizers.Adam):  # type: ignore[misc]  # Keras ships no types
    """Adam, and AdamW, which is Adam with weight decay; all but the update itself stays Keras'."""

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Update all variables; what is the same for each of them is worked out once."""
        step = tf.cast(self.iterations + 1, tf.float32)
        self._powers = tf.pow(tf.constant(self.beta_1), step), tf.pow(tf.constant(self.beta_2), step)
        self._rate = tf.convert_to_tensor(self.learning_rate)
        super().apply(grads, trainable_variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One variable: `m += (g - m)(1 - b1); v += (g^2 - v)(1 - b2); w -= a m / (sqrt(v) + epsilon)`.

        With `a = rate * sqrt(1 - b2^t) / (1 - b1^t)`: epsilon is added before the correction of v, as Keras does.
        """
        if self.amsgrad:
            super().update_step(gradient, variable, learning_rate)
            return
        index = self._get_variable_index(variable)
        beta_1_power, beta_2_power = self._powers
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=beta_1_power,
            beta2_power=beta_2_power,
            lr=self._rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )
