//! `snowssi sandbox put`: a file into a bucket.

use std::path::Path;

use super::super::failure::{Exit, Failure};
use super::super::out::Out;
use super::{reach, refused};

pub(super) async fn run(dir: &Path, file: &Path, to: &str, out: &Out) -> Result<Exit, Failure> {
    let (bucket, key) = place(to, file).map_err(|why| Failure::new(Exit::Error, why))?;
    let body = std::fs::read(file)
        .map_err(|error| Failure::new(Exit::Error, format!("cannot read {}: {error}", file.display())))?;
    let size = body.len();
    reach(dir).await?.put(&bucket, &key, body).await.map_err(|error| refused(&error))?;
    out.status(&format!("s3://{bucket}/{key}: {size} bytes"));
    Ok(Exit::Success)
}

/// Bucket and key of `s3://BUCKET/KEY`.
fn place(to: &str, file: &Path) -> Result<(String, String), String> {
    let wrong = || format!("`{to}` is not of the form s3://BUCKET/KEY");
    let rest = to.strip_prefix("s3://").ok_or_else(wrong)?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(wrong());
    }
    if !key.is_empty() && !key.ends_with('/') {
        return Ok((bucket.to_owned(), key.to_owned()));
    }
    let name = file.file_name().and_then(|name| name.to_str()).ok_or_else(wrong)?;
    Ok((bucket.to_owned(), format!("{key}{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let file = Path::new("dir/a b.json");
        for (to, key) in
            [("s3://b", "a b.json"), ("s3://b/", "a b.json"), ("s3://b/x/", "x/a b.json"), ("s3://b/x/y", "x/y")]
        {
            assert_eq!(place(to, file), Ok(("b".to_owned(), key.to_owned())), "{to}");
        }
        for wrong in ["b/k", "s3:///k", "s3://", "https://b/k"] {
            assert!(place(wrong, file).unwrap_err().contains("s3://BUCKET/KEY"), "{wrong}");
        }
        assert!(place("s3://b/", Path::new("..")).is_err());
    }
}
