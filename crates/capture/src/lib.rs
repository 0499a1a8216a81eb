//! All taps (record, edit, splice, leaf), capture runs, streaming SAE training, forecast loss recovered.
