//! Key pair authentication: a private key in PKCS#8, and the signed tokens that prove it is there.
//!
//! Source: Snowflake's guide "Key-pair authentication and key-pair rotation". The token names the key by the SHA-256 of its public half.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::{digest, rand, rsa, signature};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use pkcs8::der::SecretDocument;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use serde_json::json;

use crate::model::Secret;

/// How long a signed token is valid, in seconds; Snowflake accepts up to an hour.
const LIFETIME: u64 = 60;

/// An RSA key pair.
pub struct KeyPair {
    pair: rsa::KeyPair,
    fingerprint: String,
}

/// Why a private key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not PEM at all.
    #[error("it is not a private key in PEM (`-----BEGIN PRIVATE KEY-----`)")]
    NotPem,
    /// Another kind of PEM.
    #[error("it holds a `{0}`, not PKCS#8; convert it with `openssl pkcs8 -topk8 -in OLD -out NEW`")]
    OtherPem(String),
    /// Encrypted, but no passphrase is there.
    #[error(
        "it is encrypted, and no passphrase is set; set `private_key_passphrase` or the variable PRIVATE_KEY_PASSPHRASE"
    )]
    PassphraseMissing,
    /// Wrong passphrase, or a cipher that is not supported.
    #[error("it cannot be decrypted: the passphrase is wrong, or the cipher is not one of PBES2 (AES)")]
    NotDecrypted,
    /// Not RSA, or too small.
    #[error("it is not an RSA key of 2048 to 8192 bits")]
    NotRsa,
}

impl KeyPair {
    /// Reads a private key in PEM, PKCS#8, plain or encrypted.
    pub fn from_pem(pem: &Secret, passphrase: Option<&Secret>) -> Result<Self, KeyError> {
        let (label, document) =
            SecretDocument::from_pem(pem.expose().trim()).map_err(|_| match label(pem.expose()) {
                Some("PRIVATE KEY" | "ENCRYPTED PRIVATE KEY") | None => KeyError::NotPem,
                Some(other) => KeyError::OtherPem(other.to_owned()),
            })?;
        match label {
            "PRIVATE KEY" => Self::from_document(&document),
            "ENCRYPTED PRIVATE KEY" => {
                let passphrase = passphrase.ok_or(KeyError::PassphraseMissing)?;
                let sealed =
                    EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| KeyError::NotDecrypted)?;
                Self::from_document(&sealed.decrypt(passphrase.expose()).map_err(|_| KeyError::NotDecrypted)?)
            }
            other => Err(KeyError::OtherPem(other.to_owned())),
        }
    }

    fn from_document(document: &SecretDocument) -> Result<Self, KeyError> {
        PrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| KeyError::NotPem)?;
        let pair = rsa::KeyPair::from_pkcs8(document.as_bytes()).map_err(|_| KeyError::NotRsa)?;
        let public: PublicKeyX509Der<'_> =
            signature::KeyPair::public_key(&pair).as_der().map_err(|_| KeyError::NotRsa)?;
        let fingerprint = fingerprint(public.as_ref());
        Ok(Self { pair, fingerprint })
    }

    /// `SHA256:…`, as `DESC USER` shows it in `RSA_PUBLIC_KEY_FP`.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The public half in DER.
    pub fn public_der(&self) -> Option<Vec<u8>> {
        let der: PublicKeyX509Der<'_> = signature::KeyPair::public_key(&self.pair).as_der().ok()?;
        Some(der.as_ref().to_vec())
    }

    /// A token that proves that this key is `user`'s, valid for a minute from `now` (seconds since the epoch).
    pub(super) fn sign_login(&self, account: &str, user: &str, now: u64) -> Result<Secret, String> {
        // The part before the region; names are in upper case whatever the connection says.
        let account = account.split('.').next().unwrap_or_default().to_uppercase();
        let subject = format!("{account}.{}", user.to_uppercase());
        let header = json!({ "alg": "RS256", "typ": "JWT" });
        let claims = json!({
            "iss": format!("{subject}.{}", self.fingerprint),
            "sub": subject,
            "iat": now,
            "exp": now + LIFETIME,
        });
        let encode = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
        let message = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let mut sealed = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&signature::RSA_PKCS1_SHA256, &rand::SystemRandom::new(), message.as_bytes(), &mut sealed)
            .map_err(|_| "the private key cannot sign".to_owned())?;
        Ok(Secret::new(format!("{message}.{}", encode(&sealed))))
    }
}

/// The fingerprint of a public key in DER.
pub fn fingerprint(public_der: &[u8]) -> String {
    format!("SHA256:{}", BASE64_STANDARD.encode(digest::digest(&digest::SHA256, public_der)))
}

fn label(pem: &str) -> Option<&str> {
    pem.trim_start().strip_prefix("-----BEGIN ")?.split("-----").next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINGERPRINT: &str = "SHA256:nWiTlzj6ihrr6w3Gn+F/hy8inFavzEYZgzibetv1i2w=";
    const DES3: &str = include_str!("tests/keys/des3.p8");
    const AES: &str = include_str!("tests/keys/aes.p8");

    fn read(pem: &str, passphrase: Option<&str>) -> Result<KeyPair, KeyError> {
        KeyPair::from_pem(&Secret::new(pem), passphrase.map(Secret::new).as_ref())
    }

    #[test]
    fn keys_made_with_openssl_are_read() {
        for pem in [DES3, AES] {
            assert_eq!(read(pem, Some("correct-horse")).unwrap().fingerprint(), FINGERPRINT);
            assert_eq!(read(pem, Some("wrong")).err(), Some(KeyError::NotDecrypted));
            assert_eq!(read(pem, None).err(), Some(KeyError::PassphraseMissing));
        }
        let sealed = SecretDocument::from_pem(AES).unwrap().1;
        let open = EncryptedPrivateKeyInfoRef::try_from(sealed.as_bytes()).unwrap().decrypt("correct-horse").unwrap();
        let plain = open.to_pem("PRIVATE KEY", pkcs8::LineEnding::CRLF).unwrap();
        assert_eq!(read(&plain, None).unwrap().fingerprint(), FINGERPRINT);
        assert_eq!(read(&plain, Some("not needed")).unwrap().fingerprint(), FINGERPRINT);
    }

    #[test]
    fn other_files_are_named() {
        assert_eq!(read("no key", None).err(), Some(KeyError::NotPem));
        assert_eq!(
            read("-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----\n", None).err(),
            Some(KeyError::NotPem)
        );
        let old = "-----BEGIN RSA PRIVATE KEY-----\nTm90aGluZw==\n-----END RSA PRIVATE KEY-----\n";
        assert_eq!(read(old, None).err(), Some(KeyError::OtherPem("RSA PRIVATE KEY".into())));
        // Older openssl encrypted such files with headers no PEM of today has.
        let older = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: X\n\nTm90aGluZw==\n-----END RSA PRIVATE KEY-----\n";
        assert_eq!(read(older, None).err(), Some(KeyError::OtherPem("RSA PRIVATE KEY".into())));
    }

    #[test]
    fn logins_are_signed_as_snowflake_wants_them() {
        let key = read(AES, Some("correct-horse")).unwrap();
        let token = key.sign_login("xy12345.us-east-2.aws", "deploy.bot", 1000).unwrap();
        let parts: Vec<&str> = token.expose().split('.').collect();
        let json = |part: &str| -> serde_json::Value {
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(json(parts[0]), json!({ "alg": "RS256", "typ": "JWT" }));
        let issuer = format!("XY12345.DEPLOY.BOT.{FINGERPRINT}");
        assert_eq!(json(parts[1]), json!({ "iss": issuer, "sub": "XY12345.DEPLOY.BOT", "iat": 1000, "exp": 1060 }));
        let public = key.public_der().unwrap();
        let check = signature::UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, &public);
        let message = format!("{}.{}", parts[0], parts[1]);
        check.verify(message.as_bytes(), &BASE64_URL_SAFE_NO_PAD.decode(parts[2]).unwrap()).unwrap();
    }
}
