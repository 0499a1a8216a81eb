"""Makes tests/data/interchange: checkpoints of other tools, with the codes and reconstructions that those tools give.

    python make_interchange.py OUT

Needs torch, numpy, sae-lens, eai-sparsify and dictionary-learning from PyPI; not part of the test command.
climate_xai is not a package: its two models are written here from their equations, with torch's own optimizer state.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from dictionary_learning.dictionary import AutoEncoder, AutoEncoderNew, GatedAutoEncoder, JumpReluAutoEncoder
from dictionary_learning.trainers.batch_top_k import BatchTopKSAE
from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKSAE
from dictionary_learning.trainers.top_k import AutoEncoderTopK
from sae_lens import SAE
from sae_lens.saes.batchtopk_sae import BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig
from sae_lens.saes.gated_sae import GatedSAE, GatedSAEConfig
from sae_lens.saes.jumprelu_sae import JumpReLUSAE, JumpReLUSAEConfig
from sae_lens.saes.matryoshka_batchtopk_sae import (
    MatryoshkaBatchTopKTrainingSAE,
    MatryoshkaBatchTopKTrainingSAEConfig,
)
from sae_lens.saes.standard_sae import StandardSAE, StandardSAEConfig
from sae_lens.saes.topk_sae import TopKSAE, TopKSAEConfig
from sae_lens.saes.transcoder import JumpReLUTranscoder, JumpReLUTranscoderConfig, Transcoder, TranscoderConfig
from sparsify import SparseCoder, SparseCoderConfig

D, N, K, ROWS, D_OUT = 8, 24, 4, 16, 6
torch.manual_seed(20240607)
out = Path(sys.argv[1])
x = torch.randn(ROWS, D) * 3 + 0.7
results = {"x": x.numpy()}


def randomise(module):
    """Random weights; decoders of norms between 0.5 and 2, biases that matter."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
            if name == "threshold":
                parameter.abs_()


def keep(name, codes, recon):
    results[f"{name}.codes"] = codes.detach().float().numpy()
    results[f"{name}.recon"] = recon.detach().float().numpy()


def saelens(name, cls, config, **settings):
    sae = cls(config(d_in=D, d_sae=N, **settings))
    randomise(sae)
    sae.save_model(out / f"saelens-{name}")
    sae = SAE.load_from_disk(out / f"saelens-{name}")
    codes = sae.encode(x)
    keep(f"saelens-{name}", codes, sae.decode(codes))


def saelens_training(name, cls, config, **settings):
    """The checkpoint of the training, with the codes of what is saved for use."""
    sae = cls(config(d_in=D, d_sae=N, k=K, decoder_init_norm=None, **settings))
    randomise(sae)
    sae.topk_threshold.fill_(0.6)
    sae.save_model(out / f"saelens-{name}")
    sae.save_inference_model(out / f"saelens-{name}-inference")
    sae = SAE.load_from_disk(out / f"saelens-{name}-inference")
    codes = sae.encode(x)
    # The inference form leaves the decoder's norms out of its codes or not; both directories must give these.
    keep(f"saelens-{name}-inference", codes, sae.decode(codes))


saelens("standard", StandardSAE, StandardSAEConfig)
saelens("topk", TopKSAE, TopKSAEConfig, k=K, normalize_activations="layer_norm")
saelens("topk-rescaled", TopKSAE, TopKSAEConfig, k=K, rescale_acts_by_decoder_norm=True)
saelens("jumprelu", JumpReLUSAE, JumpReLUSAEConfig, apply_b_dec_to_input=False)
saelens("gated", GatedSAE, GatedSAEConfig)
saelens("transcoder", Transcoder, TranscoderConfig, d_out=D_OUT, apply_b_dec_to_input=False)
saelens(
    "jumprelu-transcoder", JumpReLUTranscoder, JumpReLUTranscoderConfig, d_out=D_OUT, apply_b_dec_to_input=False
)
saelens_training("batchtopk", BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig)
saelens_training(
    "matryoshka",
    MatryoshkaBatchTopKTrainingSAE,
    MatryoshkaBatchTopKTrainingSAEConfig,
    matryoshka_widths=[6, 12, N],
    rescale_acts_by_decoder_norm=False,
)


def sparse_coder(name, dtype=torch.float32, **settings):
    coder = SparseCoder(D, SparseCoderConfig(num_latents=N, k=K, **settings), dtype=dtype)
    randomise(coder)
    coder.save_to_disk(out / f"sparsify-{name}")
    coder = coder.float()  # bf16 weights, but sums in f32 as ours
    acts, indices, _ = coder.encode(x)
    codes = torch.zeros(ROWS, N).scatter(1, indices, acts)
    # Not `decode`, whose kernel wants a GPU.
    keep(f"sparsify-{name}", codes, codes @ coder.W_dec + coder.b_dec)


sparse_coder("topk")
sparse_coder("bf16", torch.bfloat16)
sparse_coder("transcoder", transcode=True)


def dictionary(name, ae, load=None):
    """`load` is the class whose `from_pretrained` changes the weights."""
    randomise(ae)
    directory = out / f"dictionary-learning-{name}"
    directory.mkdir(parents=True)
    torch.save(ae.state_dict(), directory / "ae.pt")
    config = {"trainer": {"dict_class": type(ae).__name__, "activation_dim": D, "dict_size": N, "lr": 1e-3}, "buffer": {}}
    (directory / "config.json").write_text(json.dumps(config))
    if load is not None:
        ae = load.from_pretrained(directory / "ae.pt")
    codes = ae.encode(x)
    keep(f"dictionary-learning-{name}", codes, ae.decode(codes))


def with_threshold(ae, threshold):
    ae.threshold.fill_(threshold)
    return ae


dictionary("relu", AutoEncoder(D, N), AutoEncoder)
dictionary("relu-new", AutoEncoderNew(D, N))
dictionary("gated", GatedAutoEncoder(D, N))
dictionary("jumprelu", JumpReluAutoEncoder(D, N))
dictionary("topk", AutoEncoderTopK(D, N, K))
dictionary("batchtopk", with_threshold(BatchTopKSAE(D, N, K), 0.5))
dictionary("batchtopk-unset", BatchTopKSAE(D, N, K))
dictionary("matryoshka", with_threshold(MatryoshkaBatchTopKSAE(D, N, K, [6, 6, 12]), 0.4))


def top_k(pre):
    values, indices = torch.relu(pre).topk(K, dim=1)
    return torch.zeros_like(pre).scatter(1, indices, values)


def training_state(model):
    """What climate_xai's loops save beside the model."""
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=2e-4, eps=6.25e-10)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lr_lambda=lambda step: 1.0)
    sum((p**2).sum() for p in model.parameters()).backward()
    optimizer.step()
    scheduler.step()
    return optimizer.state_dict(), scheduler.state_dict()


class Plain(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = torch.nn.Linear(D, N, bias=False)
        self.dec = torch.nn.Linear(N, D, bias=False)
        self.b_pre = torch.nn.Parameter(torch.zeros(D))
        self.register_buffer("miss_counts", torch.arange(N) * 1_000_000_000)
        self.register_buffer("dead_mask", torch.arange(N) > 20)


class Normalizer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.running_avg = torch.nn.Parameter(torch.tensor([9.5]), requires_grad=False)


class Matryoshka(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.W_enc = torch.nn.Parameter(torch.randn(D, N))
        self.b_enc = torch.nn.Parameter(torch.randn(N))
        self.W_dec = torch.nn.Parameter(torch.randn(N, D))
        self.b_dec = torch.nn.Parameter(torch.randn(D))
        self.sq_act_running_avg = torch.nn.Parameter(torch.zeros(N), requires_grad=False)
        self.register_buffer("miss_counts", torch.zeros(N, dtype=torch.long))
        self.register_buffer("dead_mask", torch.zeros(N, dtype=torch.bool))


def climate_plain():
    model = Plain()
    randomise(model)
    optimizer, _ = training_state(model)
    config = {"layer": 15, "d_in": D, "n_latents": N, "k_active": K, "k_aux": 5, "lr": 2e-4, "data_dir": "layer15"}
    directory = out / "climate-xai-plain"
    directory.mkdir(parents=True)
    state = {"epoch": 9, "model_state_dict": model.state_dict(), "optimizer_state_dict": optimizer, "config": config}
    torch.save(state, directory / "final_model.pt")
    u = x - x.mean(1, keepdim=True)
    u = u / u.norm(dim=1, keepdim=True).clamp_min(1e-6)
    codes = top_k(model.enc(u - model.b_pre))
    recon = codes @ (model.dec.weight / model.dec.weight.norm(dim=0)).T + model.b_pre
    keep("climate-xai-plain", codes, recon)  # the reconstruction in unit-norm rows, as the model returns it


def climate_matryoshka():
    model = Matryoshka()
    randomise(model)
    optimizer, scheduler = training_state(model)
    model.normalizer = Normalizer()  # not trained
    config = {"d_model": D, "n_latents": N, "group_sizes": [6, 12, N], "target_l0": float(K), "topk_mode": "per_sample"}
    directory = out / "climate-xai-matryoshka"
    directory.mkdir(parents=True)
    state = {
        "step": 299_999,
        "model_state_dict": model.state_dict(),
        "optimizer_state_dict": optimizer,
        "scheduler_state_dict": scheduler,
        "scaler_state_dict": {},
        "config": {**config, "layer": 0, "lr": 3e-2},
    }
    torch.save(state, directory / "final_model.pt")
    scale = model.normalizer.running_avg / D**0.5

    def forward(x):
        codes = top_k(x / scale @ model.W_enc + model.b_enc)
        return codes, (codes @ model.W_dec + model.b_dec) * scale

    keep("climate-xai-matryoshka", *forward(x))
    low, high = torch.full((D,), -9.0) - torch.arange(D), torch.full((D,), 11.0)
    high[3] = low[3]  # a constant channel
    width = torch.where(high - low < 1e-8, torch.ones(D), high - low)
    codes, recon = forward(2 * (x - low) / width - 1)
    keep("climate-xai-range", codes, (recon + 1) * width / 2 + low)
    results["range.min"], results["range.max"] = low.numpy(), high.numpy()


climate_plain()
climate_matryoshka()
np.savez_compressed(out / "expected.npz", **results)
