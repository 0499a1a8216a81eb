"""Cuts the fixtures of this directory from the reference's own output (see README.md).

usage: python make_fixtures.py GOLDENS   (a directory with tiny/, tiny_m2gfactor/, tiny_precip_out/)
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import xarray as xr

GOLDENS, HERE = Path(sys.argv[1]), Path(__file__).parent
INTERNALS = ["g2m_mesh_latents", "g2m_grid_latents", "grid_output", "grid_input_features"]
INTERNALS += [f"mesh_gnn.step{step}.nodes.mesh_nodes" for step in range(3)]
GRAPH = ["graph.mesh2grid.senders", "graph.mesh2grid.receivers", "graph.mesh2grid.edge_features"]


def rows(dataset, time, batch=0):
    """One step of a prediction as [N, C_out]: variables by name, levels inside."""
    columns = []
    for name in sorted(dataset.data_vars):
        values = dataset[name].isel(batch=batch, time=time).values
        columns.append(values.reshape(-1, values.shape[-2] * values.shape[-1]))
    return np.ascontiguousarray(np.concatenate(columns).T, np.float32)


def raw_inputs(inputs, forcings, batch):
    """Inputs in physical units as [N, C_in], in the order of the reference's channels."""
    shape = (inputs.sizes["lat"], inputs.sizes["lon"])
    columns = []
    for dataset in (inputs, forcings):
        for name in sorted(dataset.data_vars):
            array = dataset[name]
            if "batch" in array.dims:
                array = array.isel(batch=batch)
            lead = [dim for dim in array.dims if dim not in ("lat", "lon")]
            array = array.broadcast_like(dataset[["lat", "lon"]]).transpose(*lead, "lat", "lon")
            columns.append(array.values.reshape(-1, shape[0] * shape[1]))
    return np.ascontiguousarray(np.concatenate(columns).T, np.float32)


def open_dataset(path):
    return xr.open_dataset(path, decode_timedelta=False)


def save(path, arrays):
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, **{k.replace(".", "_"): v for k, v in arrays.items()})
    print(path.name, path.stat().st_size)


def predictions(source):
    rollout = open_dataset(source / "rollout_4step.nc")
    arrays = {f"rollout_step{step}": rows(rollout, step - 1) for step in (2, 3, 4)}
    arrays["prediction_1step"] = rows(open_dataset(source / "prediction_1step.nc"), 0)
    arrays["prediction_1step_bf16"] = rows(open_dataset(source / "prediction_1step_bf16.nc"), 0)
    return arrays


def gradients(source):
    arrays = {}
    for key, file in (("grad1", "grads_1step.npz"), ("grad4", "grads_4step_ar.npz")):
        stored = np.load(source / file)
        arrays |= {f"{key}|{name.replace('/', '!')}": stored[name] for name in stored.files}
    return arrays


def model(name, graph, f64):
    source = GOLDENS / name
    internals = np.load(source / "internals.npz")
    arrays = {k: internals[k] for k in INTERNALS + graph} | predictions(source)
    stored = np.load(source / "internals_f64.npz")
    arrays |= {f"f64.{k}": stored[k] for k in f64}
    save(HERE / name / "expected.npz", arrays)
    save(HERE / name / "grads.npz", gradients(source))
    for file in ("checkpoint.npz", "checkpoint_keys.txt", "loss.json"):
        shutil.copyfile(source / file, HERE / name / file)


def batch_of_two():
    source = GOLDENS / "tiny" / "batch2"
    inputs, forcings = (open_dataset(source / f"{name}.nc") for name in ("inputs", "forcings"))
    channels = json.loads((GOLDENS / "tiny" / "channels.json").read_text())
    second = raw_inputs(inputs, forcings, 1)
    assert second.shape[1] == len(next(iter(channels.values()))), "order of the channels"
    prediction = open_dataset(source / "prediction_1step.nc")
    # The first element is the main input and its prediction.
    first = rows(open_dataset(GOLDENS / "tiny" / "prediction_1step.nc"), 0)
    assert np.array_equal(rows(prediction, 0, 0), first)
    arrays = {"inputs_1": second, "prediction_1": rows(prediction, 0, 1)}
    save(HERE / "tiny" / "batch2.npz", arrays)


def with_factor():
    source = GOLDENS / "tiny_m2gfactor"
    prediction = rows(open_dataset(source / "prediction_1step.nc"), 0)
    save(HERE / "tiny_m2gfactor" / "expected.npz", {"prediction_1step": prediction})
    for file in ("checkpoint.npz", "checkpoint_keys.txt"):
        shutil.copyfile(source / file, HERE / "tiny_m2gfactor" / file)


model("tiny", GRAPH, ["g2m_mesh_latents", "mesh_latents_final", "grid_output"])
model("tiny_precip_out", [], [])
batch_of_two()
with_factor()
