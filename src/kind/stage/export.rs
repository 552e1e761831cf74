//! A live stage as the entry a person would write.

use serde_json::{Value as Json, json};

use super::format::Format;
use super::{Keys, Listing, Place, Props};
use crate::kind::export::Export;
use crate::kind::{Fields, qualified};
use crate::model::Ident;

/// The fields that name a stage, and a place for it.
pub(super) fn named(name: &str) -> Result<Fields, String> {
    Ok(Export::of(qualified::named(name)?).field("url", "s3://filler/").done())
}

/// All fields. An access key is not told, so the entry says where somebody will have put it, unless a user brings it.
pub(super) fn fields(have: &Props, brought: bool) -> Fields {
    let Props {
        name,
        mark: _,
        comment,
        place,
        storage_integration,
        dangles: _,
        directory,
        format,
        encryption: _,
        access_point,
        privatelink,
        keys,
        acknowledged: _,
        watchers: _,
    } = have;
    let url = match place {
        Place::S3(url) => Some(url.to_string()),
        Place::Elsewhere(url) => Some(url.clone()),
        Place::Internal => None,
    };
    let fields = Export::of(qualified::exported(name)).set("url", url);
    let mut fields = fields.set("storage_integration", storage_integration.as_ref().map(Ident::written));
    if *keys != Keys::None && storage_integration.is_none() {
        let variable = |what: &str| json!({ "env": format!("{}_{what}", environment(name.name.as_str())) });
        let credentials = json!({ "aws_key_id": variable("AWS_KEY_ID"), "aws_secret_key": variable("AWS_SECRET_KEY") });
        fields = fields.set("credentials", (!brought).then_some(credentials));
        fields = fields.field("acknowledge_risk", "it had an access key when it was imported");
    }
    let format = match format {
        format if format.is_default() => None,
        Format::Named(name) => Some(json!({ "name": name.written() })),
        Format::Inline(inline) => Some(Json::Object(inline.export())),
    };
    let privatelink = storage_integration.is_none() && *privatelink == Some(true);
    let fields = fields.set("directory", listing(directory)).set("file_format", format);
    let fields = fields.set("aws_access_point_arn", access_point.as_deref());
    fields.unless(&false, "use_privatelink_endpoint", privatelink).text("comment", comment).done()
}

/// Why no entry could manage it: it holds its files itself, or they are in another cloud.
pub(super) fn foreign(have: &Props) -> Option<String> {
    match &have.place {
        Place::S3(_) => None,
        Place::Internal => Some("it is an internal stage, which holds its files itself".into()),
        Place::Elsewhere(url) => Some(format!("it points to `{url}`, which is not in S3")),
    }
}

fn listing(directory: &Listing) -> Option<Json> {
    let Listing { enable, auto_refresh, sns, refresh } = directory;
    if !enable {
        return None;
    }
    let mut table = json!({ "enable": true });
    if *auto_refresh {
        table["auto_refresh"] = true.into();
    }
    if let Some(topic) = sns {
        table["aws_sns_topic"] = topic.as_str().into();
    }
    if !refresh {
        table["refresh"] = false.into();
    }
    Some(table)
}

/// The name of an object as that of an environment variable.
fn environment(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}
