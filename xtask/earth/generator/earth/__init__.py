"""The simulated Earth: runs the climate model jcm and writes its weather, six-hourly, to Zarr.

What it makes is a simulation, not observations: no date in it matches real weather.

    python -m earth.generate --days 365 --start 1982-07-01 --out DIR

Modules, from the outside to the inside:

- `generate`: the command line, one process for each member;
- `member`: one member, day by day, resumable;
- `model`: jcm as it is used here (`physics` and `boundary` are our changes to it);
- `fields`: from the model's day to named fields (`pressure_levels`, `insolation`, `bit_rounding`);
- `store`, `checkpoint`: what is on disk; `settings`: what makes two runs the same run; `progress`, `errors`.
"""
