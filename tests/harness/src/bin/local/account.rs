//! The account's part of the demo: whom AWS writes to about it.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use harness::table;

use crate::demo::{name_of, read, wait};
use crate::environment::{Environment, shown};

/// Applies the alternate contacts and shows what came of them.
pub async fn show(environment: &Environment, examples: &Path, begin: Instant) -> Result<()> {
    let directory = examples.join("alternate-contacts");
    if !directory.exists() {
        return Ok(());
    }
    let cluster = &environment.cluster;
    println!("\nWhom AWS writes to about the account (kubectl get alternatecontacts):\n");
    let objects = read(&directory)?;
    for object in &objects {
        cluster
            .try_apply(object)
            .await
            .with_context(|| format!("apply {}", name_of(object)))?;
    }
    println!(
        "{:5.1} s  kubectl apply -f {}",
        begin.elapsed().as_secs_f64(),
        shown(&directory)
    );
    wait(cluster, &objects, begin).await?;
    println!("\n{}", table::of_kind(cluster, "AlternateContact").await?);
    Ok(())
}
