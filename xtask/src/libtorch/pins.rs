//! The packages that hold the libraries, with their checksums.

/// One Python package of the index, a single file.
pub(super) struct Wheel {
    /// Name of the package.
    pub(super) name: &'static str,
    /// Its release.
    pub(super) version: &'static str,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub(super) sha256: &'static str,
}

impl Wheel {
    /// How its file name begins (<https://packaging.python.org/en/latest/specifications/binary-distribution-format/>).
    pub(super) fn file_prefix(&self) -> String {
        format!("{}-{}-", self.name.replace('-', "_"), self.version)
    }

    /// A line of a requirements file for pip that allows this file only.
    pub(super) fn requirement(&self) -> String {
        format!(
            "{}=={} --hash=sha256:{}\n",
            self.name, self.version, self.sha256
        )
    }
}

/// libtorch, and the two CUDA libraries that `libtorch_cpu.so` of that package needs in order to load.
pub(super) const WHEELS: [Wheel; 3] = [
    Wheel {
        name: "torch",
        version: super::VERSION,
        sha256: "60fcdcb2f3876e21146cb4524ef06397d727ca9ad5f020818547e25075fe3cb7",
    },
    Wheel {
        name: "nvidia-cuda-runtime",
        version: "13.0.96",
        sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
    },
    Wheel {
        name: "nvidia-cuda-cupti",
        version: "13.0.85",
        sha256: "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_packaging_rules() {
        assert_eq!(WHEELS[1].file_prefix(), "nvidia_cuda_runtime-13.0.96-");
        assert!(
            WHEELS[0]
                .requirement()
                .starts_with("torch==2.13.0 --hash=sha256:60fcdcb2")
        );
        assert!(WHEELS.iter().all(|wheel| wheel.sha256.len() == 64));
    }
}
