//! Command -> shape: its variable arguments replaced by typed placeholders.
