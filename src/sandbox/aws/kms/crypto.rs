//! Encryption with a key: real AES-256-GCM, the encryption context being the associated data.

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::wire::{Refused, refused};
use super::{Key, Outcome, Region, need, text};

fn invalid() -> Refused {
    refused(400, "InvalidCiphertextException", "the ciphertext or its encryption context is wrong")
}

fn failed() -> Refused {
    refused(500, "KMSInternalException", "the sandbox could not encrypt")
}

fn cipher(key: &Key) -> Result<LessSafeKey, Refused> {
    let usage = || refused(400, "InvalidKeyUsageException", format!("{} is not a symmetric key", key.arn));
    let material = STANDARD.decode(&key.material.as_ref().ok_or_else(usage)?.0).map_err(|_| failed())?;
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &material).map_err(|_| failed())?))
}

fn context(input: &Value) -> Vec<u8> {
    let pairs: BTreeMap<&str, &str> = input
        .get("EncryptionContext")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .collect();
    json!(pairs).to_string().into_bytes()
}

/// `key ID, NUL, nonce, ciphertext`.
fn seal(key: &Key, input: &Value, plain: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).map_err(|_| failed())?;
    let mut data = plain.to_vec();
    let sealing = Nonce::assume_unique_for_key(nonce);
    cipher(key)?.seal_in_place_append_tag(sealing, Aad::from(context(input)), &mut data).map_err(|_| failed())?;
    Ok([key.id.as_bytes(), &[0], &nonce, &data].concat())
}

fn bytes(input: &Value, name: &str) -> Result<Vec<u8>, Refused> {
    STANDARD.decode(need(input, name)?).map_err(|_| super::validation(format!("{name} is not base64")))
}

pub(super) fn encrypt(keys: &mut Region, input: &Value) -> Outcome {
    let key = keys.key_or_alias(input)?;
    key.usable()?;
    let plain = bytes(input, "Plaintext")?;
    if !(1..=4096).contains(&plain.len()) {
        return Err(super::validation("Plaintext has 1 to 4096 bytes"));
    }
    let sealed = STANDARD.encode(seal(key, input, &plain)?);
    Ok(json!({ "CiphertextBlob": sealed, "KeyId": key.arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT" }))
}

pub(super) fn decrypt(keys: &mut Region, input: &Value) -> Outcome {
    let blob = bytes(input, "CiphertextBlob")?;
    let end = blob.iter().position(|byte| *byte == 0).ok_or_else(invalid)?;
    let (id, rest) = blob.split_at(end);
    let id = std::str::from_utf8(id).map_err(|_| invalid())?;
    let named = text(input, "KeyId").map(|_| keys.key_or_alias(input).map(|key| key.id.clone())).transpose()?;
    if named.is_some_and(|named| named != id) {
        let message = "The key ID in the request does not identify a key that can decrypt this ciphertext";
        return Err(refused(400, "IncorrectKeyException", message));
    }
    let key = keys.keys.get(id).ok_or_else(invalid)?;
    key.usable()?;
    let (nonce, data) = rest.get(1..).and_then(|rest| rest.split_at_checked(NONCE_LEN)).ok_or_else(invalid)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| invalid())?;
    let mut data = data.to_vec();
    let plain = cipher(key)?.open_in_place(nonce, Aad::from(context(input)), &mut data).map_err(|_| invalid())?;
    let plain = STANDARD.encode(plain);
    Ok(json!({ "Plaintext": plain, "KeyId": key.arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT" }))
}

pub(super) fn generate_data_key(keys: &mut Region, input: &Value) -> Outcome {
    let key = keys.key_or_alias(input)?;
    key.usable()?;
    let length = match (text(input, "KeySpec"), input.get("NumberOfBytes").and_then(Value::as_u64)) {
        (Some("AES_256"), None) => 32,
        (Some("AES_128"), None) => 16,
        (None, Some(length @ 1..=1024)) => usize::try_from(length).unwrap_or(1024),
        _ => return Err(super::validation("Please specify either number of bytes or key spec.")),
    };
    let mut plain = vec![0; length];
    rand::fill(&mut plain).map_err(|_| failed())?;
    let sealed = STANDARD.encode(seal(key, input, &plain)?);
    Ok(json!({ "CiphertextBlob": sealed, "Plaintext": STANDARD.encode(plain), "KeyId": key.arn }))
}
