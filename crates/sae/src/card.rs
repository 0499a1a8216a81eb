//! The model card beside an autoencoder's weights, as the Hugging Face Hub shows it.

use std::fmt::Write as _;

use crate::{Activation, Bias, Preprocessing, Sae, SaeConfig};

/// A short `README.md`, made from the configuration and the metadata only, so the same for the same autoencoder.
pub(crate) fn card(sae: &Sae) -> String {
    let (config, meta) = (&sae.config, &sae.meta);
    let mut card = String::from(FRONT_MATTER);
    let _ = write!(
        card,
        "\n# {}, {} latents\n\n",
        title(config),
        config.n_latents
    );
    let _ = writeln!(card, "{}\n", summary(config));
    card.push_str("| | |\n|---|---|\n");
    let shape = match config.transcoder {
        true => format!("{} channels in, {} out", config.d_in, config.d_out),
        false => format!("{} channels", config.d_in),
    };
    let prefixes: Vec<String> = config.prefixes.iter().map(ToString::to_string).collect();
    let seed = match meta.seed {
        0 => String::new(),
        seed => seed.to_string(),
    };
    let rows = [
        ("shape", format!("{shape}, {} latents", config.n_latents)),
        ("activation", activation(config)),
        ("nested dictionaries", prefixes.join(", ")),
        ("rows before encoding", preprocessing(config.preprocessing)),
        ("biases", biases(config.bias).to_owned()),
        ("site", meta.site.clone()),
        ("source of the activations", meta.source.clone()),
        ("their number format", meta.dtype.clone()),
        (
            "SHA-256 of the network's weights",
            meta.weights_sha256.clone(),
        ),
        ("seed", seed),
        ("written by", meta.version.clone()),
    ];
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(card, "| {name} | {} |", cell(value));
    }
    card.push_str(LOADING);
    card
}

const FRONT_MATTER: &str = "\
---
library_name: dropsonde
tags:
- sparse-autoencoder
- mechanistic-interpretability
- weather
- graphcast
---
";

const LOADING: &str = "
## Files

`sae.safetensors` holds the weights in f32, `config.json` the shape, the preprocessing, where the autoencoder comes from, and the SHA-256 of all that.

## Loading

```rust
let sae = dropsonde_sae::Sae::load(\"path/of/this/directory\")?;
let (codes, context) = sae.encode(&rows)?; // rows: [n, channels]
let reconstruction = sae.decode(&codes, &context)?;
```

`dropsonde_sae::interchange::export` writes it for SAELens, sparsify or dictionary_learning.
";

fn title(config: &SaeConfig) -> String {
    let kind = match () {
        () if config.transcoder => "transcoder".to_owned(),
        () if config.n_sites > 1 => format!("crosscoder over {} sites", config.n_sites),
        () => "sparse autoencoder".to_owned(),
    };
    let name = match config.activation {
        Activation::TopK { .. } => "TopK",
        Activation::BatchTopK { .. } => "BatchTopK",
        Activation::JumpRelu { .. } => "JumpReLU",
        Activation::Gated => "Gated",
        Activation::Relu => "ReLU",
    };
    let nested = if config.prefixes.is_empty() {
        ""
    } else {
        "Matryoshka "
    };
    format!("{nested}{name} {kind}")
}

fn summary(config: &SaeConfig) -> &'static str {
    match config.transcoder {
        true => {
            "It writes activations of one place of a network as a sparse sum of directions in another."
        }
        false => "It writes activations of a network as a sparse sum of directions.",
    }
}

fn activation(config: &SaeConfig) -> String {
    match config.activation {
        Activation::TopK { k } => format!("the {k} largest positive pre-activations of each row"),
        Activation::BatchTopK { k } => {
            format!("pre-activations above one threshold; {k} per row on average in training")
        }
        Activation::JumpRelu { .. } => "pre-activations above a threshold for each latent".into(),
        Activation::Gated => "gated: one bias decides whether, another how much".into(),
        Activation::Relu => "ReLU".into(),
    }
}

fn preprocessing(how: Preprocessing) -> String {
    match how {
        Preprocessing::CentreUnitNorm => "centred over channels, unit norm".into(),
        Preprocessing::LayerNorm => {
            "centred over channels, divided by the standard deviation".into()
        }
        Preprocessing::Scale(scale) => format!("divided by {scale}"),
        Preprocessing::None => "as they are".into(),
    }
}

fn biases(bias: Bias) -> &'static str {
    match bias {
        Bias::Shared => "one, subtracted before the encoder and added after the decoder",
        Bias::SharedAndEncoder => {
            "the decoder's, also subtracted before the encoder, and the encoder's"
        }
        Bias::Encoder => "the encoder's and the decoder's",
    }
}

/// Text that stays within its cell of a table.
fn cell(text: &str) -> String {
    let text = text.replace('|', "\\|").replace('<', "&lt;");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
