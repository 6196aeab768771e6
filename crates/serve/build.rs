//! Makes sure that there are pages to embed, so that the Rust side builds on a machine that has not built them.

use std::path::Path;
use std::{fs, io};

/// Shown until the pages have been built.
const PLACEHOLDER: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Millrace</title>\n\
    <p>Millrace runs, but was built without its pages. Run <code>make up</code>, or <code>npm ci &amp;&amp; npm run build</code> in \
    <code>web/</code>, and build it again. The API is at <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>.</p>\n";

fn main() -> io::Result<()> {
    let dist = Path::new("../../web/dist");
    let index = dist.join("index.html");
    if !index.exists() {
        fs::create_dir_all(dist)?;
        fs::write(&index, PLACEHOLDER)?;
    }
    println!("cargo:rerun-if-changed={}", dist.display());
    println!("cargo:rerun-if-changed=build.rs");
    Ok(())
}
