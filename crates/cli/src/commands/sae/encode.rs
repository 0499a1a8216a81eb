//! `dropsonde sae encode`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use dropsonde_activations::{CodeMeta, CodeWriter};
use dropsonde_sae::{Codes, RowContext, Sae};
use npyz::WriterBuilder;
use zip::write::SimpleFileOptions;

use super::latents::Latents;
use crate::args::EncodeArgs;
use crate::{json, progress};

pub(crate) fn run(args: &EncodeArgs) -> anyhow::Result<()> {
    let sae = Sae::load(&args.sae)?;
    let latents = Latents::open(&args.latents, args.dtype)?;
    ensure!(
        sae.config.d_in == latents.meta().width,
        "`{}` takes {} channels, `{}` has {}\nhint: use the latents that it was trained on",
        args.sae.display(),
        sae.config.d_in,
        args.latents.display(),
        latents.meta().width
    );
    let extension = args.out.extension().and_then(|suffix| suffix.to_str());
    let (rows, slots) = match extension {
        Some("zarr") => to_store(&sae, &latents, args)?,
        Some("npz") => to_file(&sae, &latents, args)?,
        _ => bail!(
            "`{}` ends neither in `.zarr` nor in `.npz`\nhint: the ending says what is written",
            args.out.display()
        ),
    };
    if args.json {
        return json::print(&serde_json::json!({
            "out": args.out, "rows": rows, "slots": slots, "sae_sha256": sae.sha256()?,
        }));
    }
    println!("{}: {rows} rows of {slots} slots", args.out.display());
    Ok(())
}

/// Slots per row: fixed by the activation, asked for, or guessed from the first record.
fn slots(sae: &Sae, latents: &Latents<'_>, asked: Option<usize>) -> anyhow::Result<usize> {
    if let dropsonde_sae::Activation::TopK { k } = sae.config.activation {
        ensure!(
            asked.is_none_or(|slots| slots == k),
            "`--slots` is not {k}, the fixed number of active latents\nhint: leave it out"
        );
        return Ok(k);
    }
    match asked {
        Some(slots) => Ok(slots),
        None => Ok(2 * sae.encode(&latents.rows(0)?)?.0.k),
    }
}

/// The codes of a record in so many slots per row.
fn encode(
    sae: &Sae,
    latents: &Latents<'_>,
    index: usize,
    slots: usize,
) -> anyhow::Result<(Codes, RowContext)> {
    let (codes, context) = sae.encode(&latents.rows(index)?)?;
    if codes.k == slots {
        return Ok((codes, context));
    }
    ensure!(
        codes.k < slots,
        "a row of record {index} has {} active latents, more than {slots} slots\nhint: ask for more with `--slots`",
        codes.k
    );
    let mut wide = Codes::zeros(codes.n_rows, slots);
    for row in 0..codes.n_rows {
        for (slot, (latent, code)) in codes.row(row).enumerate() {
            wide.indices[row * slots + slot] = latent;
            wide.values[row * slots + slot] = code;
        }
    }
    Ok((wide, context))
}

fn to_store(sae: &Sae, latents: &Latents<'_>, args: &EncodeArgs) -> anyhow::Result<(usize, usize)> {
    let (meta, records) = (latents.meta(), latents.records()?);
    let slots = slots(sae, latents, args.slots)?;
    let code_meta = CodeMeta {
        sae_sha256: sae.sha256()?,
        weights_sha256: meta.weights_sha256.clone(),
        source: meta.source.clone(),
        node_set: meta.node_set.clone(),
        grid_sha256: meta.grid_sha256.clone(),
        ..CodeMeta::new(meta.site.clone(), meta.n_nodes, sae.config.n_latents, slots)
    };
    let open = match args.resume {
        true => CodeWriter::resume,
        false => CodeWriter::create,
    };
    let mut writer = open(args.out.as_path(), code_meta, records.len())?;
    let bar = progress::bar("sae encode", records.len() as u64);
    for (index, record) in records.iter().enumerate() {
        if !writer.contains(record) {
            let (codes, context) = encode(sae, latents, index, slots)?;
            writer.append(record, &codes.into_record(context))?;
        }
        bar.inc(1);
    }
    bar.finish();
    writer.finish()?;
    Ok((records.len() * meta.n_nodes, slots))
}

/// All rows in one file, by way of a temporary name.
fn to_file(sae: &Sae, latents: &Latents<'_>, args: &EncodeArgs) -> anyhow::Result<(usize, usize)> {
    ensure!(
        !args.resume,
        "`--resume` is for stores\nhint: leave it out, or write `.zarr`"
    );
    let slots = slots(sae, latents, args.slots)?;
    let mut all = Codes::zeros(0, slots);
    let mut context = RowContext::default();
    let records = latents.records_of(None)?;
    let bar = progress::bar("sae encode", records.len() as u64);
    for index in records {
        let (codes, rows) = encode(sae, latents, index, slots)?;
        all.n_rows += codes.n_rows;
        all.indices.extend(codes.indices);
        all.values.extend(codes.values);
        context.mean.extend(rows.mean);
        context.norm.extend(rows.norm);
        bar.inc(1);
    }
    bar.finish();
    let part = args.out.with_extension("npz.part");
    let written =
        write_npz(&part, &all, &context).and_then(|()| Ok(std::fs::rename(&part, &args.out)?));
    written.with_context(|| format!("cannot write `{}`", args.out.display()))?;
    Ok((all.n_rows, slots))
}

fn write_npz(path: &Path, codes: &Codes, context: &RowContext) -> anyhow::Result<()> {
    let mut zip = zip::ZipWriter::new(BufWriter::new(File::create(path)?));
    let codes_shape = [codes.n_rows as u64, codes.k as u64];
    entry(&mut zip, "indices", &codes.indices, &codes_shape)?;
    entry(&mut zip, "values", &codes.values, &codes_shape)?;
    let sites = context.mean.len().checked_div(codes.n_rows).unwrap_or(1) as u64;
    let rows_shape = [codes.n_rows as u64, sites];
    let rows_shape = if sites == 1 {
        &rows_shape[..1]
    } else {
        &rows_shape
    };
    entry(&mut zip, "mean", &context.mean, rows_shape)?;
    entry(&mut zip, "norm", &context.norm, rows_shape)?;
    zip.finish()?
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)?;
    Ok(())
}

fn entry<T: npyz::AutoSerialize + Copy>(
    zip: &mut zip::ZipWriter<BufWriter<File>>,
    name: &str,
    values: &[T],
    shape: &[u64],
) -> anyhow::Result<()> {
    zip.start_file(format!("{name}.npy"), SimpleFileOptions::default())?;
    let mut bytes = Vec::new();
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(shape)
        .writer(&mut bytes)
        .begin_nd()?;
    writer.extend(values.iter().copied())?;
    writer.finish()?;
    zip.write_all(&bytes)?;
    Ok(())
}
