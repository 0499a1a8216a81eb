//! Reading the golden arrays.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;

use dropsonde_sae::{Sae, SaeConfig, SaeMeta};
use tch::Tensor;

pub(crate) struct Goldens(HashMap<String, Vec<u8>>);

impl Goldens {
    pub(crate) fn open() -> Self {
        Self::read("sae.npz")
    }

    /// The arrays of a file in `tests/data`.
    pub(crate) fn read(name: &str) -> Self {
        let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
        let file = File::open(format!("{data}/{name}")).unwrap();
        let mut zip = zip::ZipArchive::new(file).unwrap();
        let mut arrays = HashMap::new();
        for i in 0..zip.len() {
            let mut entry = zip.by_index(i).unwrap();
            let name = entry.name().unwrap().trim_end_matches(".npy").to_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            arrays.insert(name, bytes);
        }
        Self(arrays)
    }

    fn npy(&self, name: &str) -> npyz::NpyFile<&[u8]> {
        let bytes = self
            .0
            .get(name)
            .unwrap_or_else(|| panic!("no golden array `{name}`"));
        npyz::NpyFile::new(&bytes[..]).unwrap()
    }

    pub(crate) fn f32(&self, name: &str) -> Vec<f32> {
        self.npy(name).into_vec().unwrap()
    }

    pub(crate) fn i64(&self, name: &str) -> Vec<i64> {
        self.npy(name).into_vec().unwrap()
    }

    pub(crate) fn bool(&self, name: &str) -> Vec<bool> {
        self.npy(name).into_vec().unwrap()
    }

    pub(crate) fn f64(&self, name: &str) -> f64 {
        self.npy(name).into_vec().unwrap()[0]
    }

    /// An array `[rows, cols]` as a tensor.
    pub(crate) fn tensor(&self, name: &str) -> Tensor {
        let shape: Vec<i64> = self.npy(name).shape().iter().map(|&n| n as i64).collect();
        Tensor::from_slice(&self.f32(name)).reshape(shape)
    }

    pub(crate) fn config(&self) -> SaeConfig {
        let size = |name: &str| self.i64(name)[0] as usize;
        SaeConfig {
            k_aux: size("k_aux"),
            ..SaeConfig::new(size("d_in"), size("latent"), size("k"))
        }
    }

    /// The initial autoencoder with its decoder rows as they are (not of unit norm).
    pub(crate) fn raw_sae(&self) -> Sae {
        let dec = self.tensor("init.dec.weight").tr().contiguous();
        let tensors = [
            ("w_enc", self.tensor("init.enc.weight")),
            ("w_dec", dec.copy()),
            ("b_dec", self.tensor("init.b_pre")),
        ];
        let tensors = tensors.map(|(name, tensor)| (name.to_owned(), tensor));
        let mut sae = Sae::from_tensors(self.config(), tensors, SaeMeta::default()).unwrap();
        sae.w_dec = dec;
        sae
    }
}

pub(crate) fn max_diff(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |m, d| if d > m || d.is_nan() { d } else { m })
}

pub(crate) fn transpose(a: &[f32], rows: usize) -> Vec<f32> {
    let cols = a.len() / rows;
    (0..cols)
        .flat_map(|c| (0..rows).map(move |r| a[r * cols + c]))
        .collect()
}

pub(crate) fn to_vec(t: &Tensor) -> Vec<f32> {
    Vec::try_from(t.contiguous().view(-1)).unwrap()
}
