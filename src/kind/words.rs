//! Values that are one of a few words of Snowflake's, in any letter case, with their synonyms.

/// Declares an enum of words. The first spelling is the one that is written; the others are read as the same.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $word:literal $(| $other:literal)*),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = concat!("`", $word, "`")] $variant),+
        }

        impl $name {
            const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word as it is written.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// The value of a word, whatever its letter case.
            pub fn read(text: &str) -> Option<Self> {
                match text.to_ascii_uppercase().as_str() {
                    $($word $(| $other)* => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::read(&text).ok_or_else(|| {
                    serde::de::Error::custom(format!("`{text}` is not one of {}", Self::WORDS.join(", ")))
                })
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": Self::WORDS })
            }
        }
    };
}
pub(crate) use words;

words! {
    /// The size of a warehouse, also of the one Snowflake manages for serverless tasks.
    Size {
        XSmall = "XSMALL" | "X-SMALL",
        Small = "SMALL",
        Medium = "MEDIUM",
        Large = "LARGE",
        XLarge = "XLARGE" | "X-LARGE",
        XxLarge = "XXLARGE" | "X2LARGE" | "2X-LARGE" | "2XLARGE",
        XxxLarge = "XXXLARGE" | "X3LARGE" | "3X-LARGE" | "3XLARGE",
        X4Large = "X4LARGE" | "4X-LARGE" | "4XLARGE",
        X5Large = "X5LARGE" | "5X-LARGE" | "5XLARGE",
        X6Large = "X6LARGE" | "6X-LARGE" | "6XLARGE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_synonyms_and_writes_one_spelling() {
        for (text, word) in
            [("X-Small", "XSMALL"), ("2X-Large", "XXLARGE"), ("x4large", "X4LARGE"), ("Medium", "MEDIUM")]
        {
            assert_eq!(Size::read(text).unwrap().word(), word);
        }
        for word in Size::WORDS {
            assert_eq!(Size::read(word).unwrap().word(), *word);
        }
        let error = serde_json::from_str::<Size>("\"TINY\"").unwrap_err().to_string();
        assert!(error.contains("`TINY` is not one of XSMALL, SMALL"), "{error}");
    }
}
