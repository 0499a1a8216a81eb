"""Opens what `cargo run -p dropsonde-sae --example exports -- DIR` wrote, with the tools that it was written for.

    python check_exports.py DIR

Needs torch, safetensors, sae-lens, eai-sparsify and dictionary-learning from PyPI; not part of the test command.
Codes and reconstructions of each tool must be ours to a relative 2e-5 of the largest value; where rows are normalised,
SAELens adds 1e-5 to a standard deviation of about 3, which is 3e-6 of a code.
"""

import json
import sys
from pathlib import Path

import dictionary_learning.dictionary as dictionaries
import torch
from dictionary_learning.trainers.batch_top_k import BatchTopKSAE
from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKSAE
from dictionary_learning.trainers.top_k import AutoEncoderTopK
from safetensors.torch import load_file
from sae_lens import SAE
from sparsify import SparseCoder

TOLERANCE = 2e-5
CLASSES = {c.__name__: c for c in (AutoEncoderTopK, BatchTopKSAE, MatryoshkaBatchTopKSAE)}


def saelens(path, x):
    sae = SAE.load_from_disk(path)
    codes = sae.encode(x)
    return codes, sae.decode(codes)


def sparsify(path, x):
    coder = SparseCoder.load_from_disk(path)
    acts, indices, _ = coder.encode(x)
    codes = torch.zeros(len(x), coder.num_latents).scatter(1, indices, acts)
    return codes, codes @ coder.W_dec + coder.b_dec


def dictionary_learning(path, x):
    torch.load(path / "ae.pt", weights_only=True)
    name = json.loads((path / "config.json").read_text())["trainer"]["dict_class"]
    cls = CLASSES.get(name) or getattr(dictionaries, name)
    ae = cls.from_pretrained(path / "ae.pt")
    codes = ae.encode(x)
    return codes, ae.decode(codes)


def paper(path, x):
    """The authors' forward, with the rows' mean and norm put back."""
    model = torch.load(path / "sae.pt", weights_only=True)["model_state"]
    k = json.loads((path / "config.json").read_text())["k"]
    assert model["miss_counts"].dtype == torch.int64 and model["dead_mask"].dtype == torch.bool
    mean = x.mean(1, keepdim=True)
    norm = (x - mean).norm(dim=1, keepdim=True).clamp_min(1e-6)
    pre = torch.relu(((x - mean) / norm - model["b_pre"]) @ model["enc.weight"].T)
    values, indices = pre.topk(k, dim=1)
    codes = torch.zeros_like(pre).scatter(1, indices, values)
    dec = model["dec.weight"] / model["dec.weight"].norm(dim=0, keepdim=True).clamp_min(1e-8)
    return codes, (codes @ dec.T + model["b_pre"]) * norm + mean


READERS = {"saelens": saelens, "sparsify": sparsify, "dictionary-learning": dictionary_learning, "paper": paper}
worst, failed, n = 0.0, 0, 0
for path in sorted(p for p in Path(sys.argv[1]).iterdir() if p.is_dir()):
    name, case = path.name.split("@")
    ours = load_file(Path(sys.argv[1]) / f"{case}.safetensors")
    with torch.no_grad():
        codes, recon = READERS[name](path, ours["x"])
    for what, theirs in [("codes", codes), ("recon", recon)]:
        error = float((theirs - ours[what]).abs().max() / ours[what].abs().max())
        worst, n = max(worst, error), n + 1
        if not error < TOLERANCE:
            failed += 1
            print(f"{path.name} {what}: relative error {error:.2e}")
print(f"{n} comparisons, largest relative error {worst:.1e}, {failed} above {TOLERANCE}")
sys.exit(failed > 0)
