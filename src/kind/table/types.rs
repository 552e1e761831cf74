//! The types of columns: one canonical text for all spellings of a type, and which changes only widen.
//!
//! Sources: Snowflake documentation, "Summary of data types", "ALTER TABLE … ALTER COLUMN"; behaviour change bundle `2025_07`, which raised
//! the largest sizes.

use std::fmt;

use serde::Deserialize;

/// The type of a column. Equal if Snowflake takes both spellings for the same type.
///
/// A size that is not written, or is the largest, is "the largest": it has changed over time (16777216, 134217728), and two tables made in
/// different years mean the same by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct DataType {
    name: String,
    args: Vec<u32>,
}

/// The sizes that stand for "as long as can be", then and now.
const LARGEST_TEXT: [u32; 2] = [16_777_216, 134_217_728];
const LARGEST_BINARY: [u32; 2] = [8_388_608, 67_108_864];

impl DataType {
    /// Reads any spelling, of a spec or of `DESC TABLE`.
    ///
    /// # Errors
    /// Why it is none, a sentence without a period.
    pub fn read(text: &str) -> Result<Self, String> {
        let upper = text.trim().to_ascii_uppercase();
        if let Some(vector) = upper.strip_prefix("VECTOR") {
            let inside = vector.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
            let parts = inside.and_then(|inside| inside.split_once(','));
            let (of, length) = parts.ok_or_else(|| format!("`{text}` is no vector: write `VECTOR(FLOAT, 256)`"))?;
            let of = of.trim();
            let length = length.trim().parse().map_err(|_| format!("`{text}` has no length"))?;
            if !["FLOAT", "INT"].contains(&of) {
                return Err(format!("a vector holds FLOAT or INT, not `{of}`"));
            }
            return Ok(Self { name: format!("VECTOR {of}"), args: vec![length] });
        }
        let (name, args) = match upper.split_once('(') {
            Some((name, rest)) => {
                let inside = rest.strip_suffix(')').ok_or_else(|| format!("`{text}` has no closing bracket"))?;
                let number = |part: &str| part.trim().parse().map_err(|_| format!("`{part}` in `{text}` is no number"));
                (name, inside.split(',').map(number).collect::<Result<Vec<u32>, _>>()?)
            }
            None => (upper.as_str(), Vec::new()),
        };
        let words: Vec<&str> = name.split_whitespace().collect();
        canonical(&words.join(" "), &args).ok_or_else(|| format!("Snowflake has no type `{}`", text.trim()))
    }

    /// Whether a column of the type `from` can become this in place, with every value it may hold.
    pub fn widens(&self, from: &Self) -> bool {
        if self.name != from.name {
            return false;
        }
        match self.name.as_str() {
            "VARCHAR" | "BINARY" => match (self.args.first(), from.args.first()) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(new), Some(old)) => new >= old,
            },
            "NUMBER" => self.args.first() >= from.args.first() && self.args.get(1) == from.args.get(1),
            _ => false,
        }
    }
}

/// The type behind a name and its arguments, if Snowflake knows it and takes as many.
fn canonical(name: &str, args: &[u32]) -> Option<DataType> {
    let of = |name: &str, args: Vec<u32>| Some(DataType { name: name.to_owned(), args });
    let largest = |name: &str, largest: [u32; 2]| match args {
        [] => of(name, Vec::new()),
        [size] if largest.contains(size) => of(name, Vec::new()),
        [size] if *size > 0 && *size < largest[1] => of(name, vec![*size]),
        _ => None,
    };
    match name {
        "NUMBER" | "DECIMAL" | "NUMERIC" | "DEC" => match args {
            [] => of("NUMBER", vec![38, 0]),
            [precision] if (1..=38).contains(precision) => of("NUMBER", vec![*precision, 0]),
            [precision, scale] if (1..=38).contains(precision) && scale <= precision => {
                of("NUMBER", vec![*precision, *scale])
            }
            _ => None,
        },
        "INT" | "INTEGER" | "BIGINT" | "SMALLINT" | "TINYINT" | "BYTEINT" if args.is_empty() => {
            of("NUMBER", vec![38, 0])
        }
        "FLOAT" | "FLOAT4" | "FLOAT8" | "DOUBLE" | "DOUBLE PRECISION" | "REAL" if args.is_empty() => {
            of("FLOAT", Vec::new())
        }
        "DECFLOAT" if matches!(args, [] | [38]) => of("DECFLOAT", Vec::new()),
        "VARCHAR" | "STRING" | "TEXT" | "NVARCHAR" | "NVARCHAR2" | "CHAR VARYING" | "NCHAR VARYING" => {
            largest("VARCHAR", LARGEST_TEXT)
        }
        "CHAR" | "CHARACTER" | "NCHAR" if args.is_empty() => of("VARCHAR", vec![1]),
        "CHAR" | "CHARACTER" | "NCHAR" => largest("VARCHAR", LARGEST_TEXT),
        "BINARY" | "VARBINARY" => largest("BINARY", LARGEST_BINARY),
        "BOOLEAN" | "DATE" | "VARIANT" | "OBJECT" | "ARRAY" | "GEOGRAPHY" | "GEOMETRY" if args.is_empty() => {
            of(name, Vec::new())
        }
        "TIMESTAMP" | "DATETIME" | "TIMESTAMP_NTZ" | "TIMESTAMPNTZ" | "TIMESTAMP WITHOUT TIME ZONE" => {
            fraction("TIMESTAMP_NTZ", args)
        }
        "TIMESTAMP_LTZ" | "TIMESTAMPLTZ" | "TIMESTAMP WITH LOCAL TIME ZONE" => fraction("TIMESTAMP_LTZ", args),
        "TIMESTAMP_TZ" | "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" => fraction("TIMESTAMP_TZ", args),
        "TIME" => fraction("TIME", args),
        _ => None,
    }
}

/// A type with a number of digits behind the second, 9 if none is written.
fn fraction(name: &str, args: &[u32]) -> Option<DataType> {
    let digits = match args {
        [] => 9,
        [digits] if *digits <= 9 => *digits,
        _ => return None,
    };
    Some(DataType { name: name.to_owned(), args: vec![digits] })
}

/// As statements write it.
impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(of) = self.name.strip_prefix("VECTOR ") {
            return write!(f, "VECTOR({of}, {})", self.args.first().copied().unwrap_or_default());
        }
        f.write_str(&self.name)?;
        if self.args.is_empty() {
            return Ok(());
        }
        let args: Vec<String> = self.args.iter().map(ToString::to_string).collect();
        write!(f, "({})", args.join(","))
    }
}

impl TryFrom<String> for DataType {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::read(&text)
    }
}

impl schemars::JsonSchema for DataType {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DataType".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> DataType {
        DataType::read(text).unwrap()
    }

    #[test]
    fn spellings_of_one_type_are_equal() {
        for same in [
            &["STRING", "text", "VARCHAR(16777216)", "varchar(134217728)", "VARCHAR"][..],
            &["NUMBER", "int", "DECIMAL(38, 0)", "bigint"],
            &["NUMBER(10)", "NUMERIC(10,0)"],
            &["TIMESTAMP", "datetime", "TIMESTAMP_NTZ(9)"],
            &["double  precision", "FLOAT", "REAL"],
            &["CHAR", "VARCHAR(1)"],
            &["BINARY", "VARBINARY(8388608)", "BINARY(67108864)"],
            &["vector(float,3)", "VECTOR(FLOAT, 3)"],
        ] {
            assert!(same.iter().all(|text| read(text) == read(same[0])), "{same:?}");
            assert_eq!(read(&read(same[0]).to_string()), read(same[0]));
        }
    }

    #[test]
    fn no_types_are_refused() {
        for text in
            ["", "BLOB", "NUMBER(39)", "NUMBER(3,4)", "VARCHAR(0)", "DATE(3)", "TIME(10)", "VARCHAR(1", "VECTOR(3)"]
        {
            assert!(DataType::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_what_takes_every_value_widens() {
        for (from, to) in [("VARCHAR(5)", "VARCHAR(6)"), ("VARCHAR(5)", "STRING"), ("NUMBER(5,2)", "NUMBER(9,2)")] {
            assert!(read(to).widens(&read(from)) && !read(from).widens(&read(to)), "{from} {to}");
        }
        for (from, to) in [("NUMBER(5,2)", "NUMBER(9,3)"), ("NUMBER", "STRING"), ("DATE", "TIMESTAMP")] {
            assert!(!read(to).widens(&read(from)), "{from} {to}");
        }
    }
}
