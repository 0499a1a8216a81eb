//! The shape of a sparse autoencoder and where it comes from.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What happens to a row before encoding; the decoder's output is taken back the same way.
///
/// With `x` a row of `d` channels, `mean` and `norm` are what [`RowContext`](crate::RowContext) keeps:
///
/// | kind | mean | norm |
/// |---|---|---|
/// | `centre_unit_norm` | mean over channels | `max(\|x - mean\|, 1e-6)` |
/// | `layer_norm` | mean over channels | standard deviation over channels (divisor `d - 1`) + 1e-5 |
/// | `scale` | 0 | the number given |
/// | `none` | 0 | 1 |
///
/// and `u = (x - mean) / norm`. A mean of the data set is the decoder's bias where that is shared with the encoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preprocessing {
    /// Each row is centred over its channels and divided by its norm (MacMillan & Ouellette 2025).
    #[default]
    CentreUnitNorm,
    /// Each row is centred over its channels and divided by its standard deviation, as in SAELens' `layer_norm`.
    LayerNorm,
    /// Rows are divided by one number of the whole data set, for example the mean norm over `sqrt(d)`.
    Scale(f32),
    /// Rows are taken as they are.
    None,
}

/// What turns pre-activations `p` of a row into codes `z`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Activation {
    /// `z = top_k(relu(p))`: the `k` largest of each row (Makhzani & Frey 2013, arXiv 1312.5663; Gao et al. 2024,
    /// arXiv 2406.04093).
    #[serde(rename = "topk")]
    TopK {
        /// Active latents per row.
        k: usize,
    },
    /// Training: the `k rows` largest of the batch. Afterwards `z = p` where `p > theta`, one threshold for all latents: a
    /// running mean of the smallest code of each batch (Bussmann et al. 2024, arXiv 2412.06410).
    #[serde(rename = "batch_topk")]
    BatchTopK {
        /// Active latents per row, on average.
        k: usize,
    },
    /// `z = p` where `p > theta_i`, a threshold for each latent that is trained with straight-through gradients in a window of
    /// width `bandwidth` (Rajamanoharan et al. 2024, arXiv 2407.14435).
    #[serde(rename = "jump_relu")]
    JumpRelu {
        /// Width of the window in which a threshold has a gradient.
        bandwidth: f64,
    },
    /// `z_i = relu(exp(r_i) (p_i - b_i) + m_i)` where `p_i > 0`, with `b` the encoder's bias: one set of weights decides whether
    /// and how much (Rajamanoharan et al. 2024, arXiv 2404.16014).
    Gated,
    /// `z = relu(p)`, with the sum of the codes as penalty (Bricken et al. 2023,
    /// <https://transformer-circuits.pub/2023/monosemantic-features>).
    Relu,
}

impl Activation {
    /// Its name in files and on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TopK { .. } => "topk",
            Self::BatchTopK { .. } => "batch_topk",
            Self::JumpRelu { .. } => "jump_relu",
            Self::Gated => "gated",
            Self::Relu => "relu",
        }
    }

    /// Active latents per row where that is part of the definition.
    pub fn k(&self) -> Option<usize> {
        match *self {
            Self::TopK { k } | Self::BatchTopK { k } => Some(k),
            Self::JumpRelu { .. } | Self::Gated | Self::Relu => None,
        }
    }

    /// Whether sparsity comes from a penalty on the codes rather than from a number of them.
    pub fn needs_penalty(&self) -> bool {
        self.k().is_none()
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TopK { k } => write!(f, "TopK with {k} active per row"),
            Self::BatchTopK { k } => write!(f, "BatchTopK with {k} active per row on average"),
            Self::JumpRelu { bandwidth } => write!(f, "JumpReLU with bandwidth {bandwidth}"),
            Self::Gated => f.write_str("gated"),
            Self::Relu => f.write_str("ReLU"),
        }
    }
}

/// Where the biases are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bias {
    /// `p = W_enc (u - b_dec)`: the decoder's bias is taken off before the encoder, which has none of its own (the paper's
    /// `b_pre`).
    #[default]
    Shared,
    /// `p = W_enc (u - b_dec) + b_enc`.
    SharedAndEncoder,
    /// `p = W_enc u + b_enc`; the only one for a transcoder, whose output is not its input.
    Encoder,
}

impl Bias {
    /// Whether the decoder's bias is taken off the input.
    pub fn is_shared(self) -> bool {
        self != Self::Encoder
    }

    /// Whether the encoder has a bias of its own.
    pub fn has_encoder(self) -> bool {
        self != Self::Shared
    }
}

/// The shape of a sparse autoencoder, transcoder or crosscoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaeConfig {
    /// Channels of a row that is encoded.
    pub d_in: usize,
    /// Channels of a row that is decoded; differs from `d_in` only for a transcoder.
    pub d_out: usize,
    /// Size of the dictionary.
    pub n_latents: usize,
    /// What turns pre-activations into codes.
    pub activation: Activation,
    /// Dead latents per row that the auxiliary loss uses.
    pub k_aux: usize,
    /// What happens to a row before encoding.
    pub preprocessing: Preprocessing,
    /// Where the biases are.
    pub bias: Bias,
    /// A crosscoder's rows are the rows of this many sites one behind the other, each preprocessed for itself (Lindsey et al.
    /// 2024, <https://transformer-circuits.pub/2024/crosscoders>); 1 otherwise.
    pub n_sites: usize,
    /// Matryoshka: ends of the nested dictionaries, ascending, the last one `n_latents`; each must reconstruct the row alone
    /// (Bussmann et al. 2025, arXiv 2503.17547). Empty for one dictionary.
    pub prefixes: Vec<usize>,
    /// A transcoder decodes to rows of another site than it encodes (Dunefsky et al. 2024, arXiv 2406.11944), in the frame
    /// (mean and norm) of the encoded row.
    pub transcoder: bool,
}

impl SaeConfig {
    /// TopK as in the paper: shared bias, `k_aux` = `d_in`, centred unit-norm rows.
    pub fn new(d_in: usize, n_latents: usize, k: usize) -> Self {
        Self {
            d_in,
            d_out: d_in,
            n_latents,
            activation: Activation::TopK { k },
            k_aux: d_in,
            preprocessing: Preprocessing::default(),
            bias: Bias::default(),
            n_sites: 1,
            prefixes: Vec::new(),
            transcoder: false,
        }
    }

    /// The published SAE: 512 channels, 4096 latents, 32 active, 512 auxiliary.
    ///
    /// # Source
    /// <https://github.com/theodoremacmillan/graphcast-interpretability>, the demonstration notebook.
    pub fn paper() -> Self {
        Self::new(512, 4096, 32)
    }

    /// The same with another activation, and the biases it needs.
    #[must_use]
    pub fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        if activation.needs_penalty() {
            self.bias = Bias::SharedAndEncoder;
        }
        self
    }

    /// The same as a Matryoshka: nested dictionaries of 1/16, 1/8, 1/4, 1/2 and all of the latents.
    #[must_use]
    pub fn matryoshka(mut self) -> Self {
        let n = self.n_latents;
        self.prefixes = [16, 8, 4, 2, 1].map(|part| n.div_ceil(part)).to_vec();
        self.prefixes.dedup();
        self
    }

    /// A transcoder from rows of `d_in` to rows of `d_out` channels.
    #[must_use]
    pub fn transcoder(mut self, d_out: usize) -> Self {
        (self.d_out, self.transcoder, self.bias) = (d_out, true, Bias::Encoder);
        self
    }

    /// A crosscoder of the same dictionary over the rows of `n_sites` sites, `d_in` channels each.
    #[must_use]
    pub fn crosscoder(mut self, n_sites: usize) -> Self {
        (self.d_in, self.d_out, self.n_sites) =
            (self.d_in * n_sites, self.d_out * n_sites, n_sites);
        self
    }

    /// Refuses sizes that cannot work.
    ///
    /// # Errors
    /// Naming the first setting that is wrong.
    pub fn check(&self) -> Result<()> {
        self.check_sizes()?;
        let invalid = |key, found: String, expected: String| {
            Err(Error::Config {
                key,
                found,
                expected,
            })
        };
        if let Some(k) = self
            .activation
            .k()
            .filter(|&k| k == 0 || k > self.n_latents)
        {
            let expected = format!("at least 1 and at most `n_latents` = {}", self.n_latents);
            return invalid("k", k.to_string(), expected);
        }
        if let Activation::JumpRelu { bandwidth } = self.activation
            && !(bandwidth > 0.0 && bandwidth.is_finite())
        {
            return invalid(
                "bandwidth",
                bandwidth.to_string(),
                "a positive number".into(),
            );
        }
        if let Preprocessing::Scale(scale) = self.preprocessing
            && !(scale > 0.0 && scale.is_finite())
        {
            return invalid(
                "preprocessing.scale",
                scale.to_string(),
                "a positive number".into(),
            );
        }
        if self.transcoder && (self.bias.is_shared() || self.n_sites > 1) {
            let expected = "`encoder`, with one site, for a transcoder".into();
            return invalid("bias", format!("{:?}", self.bias).to_lowercase(), expected);
        }
        if !self.transcoder && self.d_out != self.d_in {
            let expected = format!("`d_in` = {} unless `transcoder` is true", self.d_in);
            return invalid("d_out", self.d_out.to_string(), expected);
        }
        if self.n_sites == 0 || !self.d_in.is_multiple_of(self.n_sites) {
            let expected = format!("a divisor of `d_in` = {}", self.d_in);
            return invalid("n_sites", self.n_sites.to_string(), expected);
        }
        let ascending = self.prefixes.is_sorted_by(|a, b| a < b);
        let whole = self.prefixes.last().is_none_or(|&n| n == self.n_latents);
        if !ascending || !whole || self.prefixes.first() == Some(&0) {
            let expected = format!(
                "ascending, from at least 1 to `n_latents` = {}",
                self.n_latents
            );
            return invalid("prefixes", format!("{:?}", self.prefixes), expected);
        }
        Ok(())
    }

    fn check_sizes(&self) -> Result<()> {
        let sizes = [
            ("d_in", self.d_in),
            ("d_out", self.d_out),
            ("n_latents", self.n_latents),
        ];
        for (key, value) in sizes {
            if value == 0 || value > i32::MAX as usize {
                return Err(Error::Config {
                    key,
                    found: value.to_string(),
                    expected: "at least 1".into(),
                });
            }
        }
        Ok(())
    }

    /// Channels of one site.
    pub fn site_width(&self) -> usize {
        self.d_in / self.n_sites
    }

    /// Ends of the nested dictionaries; the whole one if there is no other.
    pub(crate) fn groups(&self) -> Vec<usize> {
        match self.prefixes.is_empty() {
            true => vec![self.n_latents],
            false => self.prefixes.clone(),
        }
    }
}

/// Where an autoencoder comes from; kept with its weights so that nothing is guessed when it is used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SaeMeta {
    /// The place in the network, as text, for example `processor/08`; several for a crosscoder, joined by `+`, and
    /// `from -> to` for a transcoder.
    pub site: String,
    /// Number format of the latents it was trained on, `f16` or `f32`.
    pub dtype: String,
    /// The kernel that computed the latents, `plain` or `fused`.
    pub kernel: String,
    /// SHA-256 of the weights of the network.
    pub weights_sha256: String,
    /// The data the latents came from.
    pub source: String,
    /// The seed of the training.
    pub seed: u64,
    /// The version of the program that made it.
    pub version: String,
    /// Anything else worth keeping, for example the training configuration.
    pub extra: serde_json::Value,
}
