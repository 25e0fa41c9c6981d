//! A short name for what was last written, so that an unchanged record costs no call.

use serde_json::Value;

/// A digest of `value` that does not depend on the order of object keys: 32 hexadecimal digits of FNV-1a.
///
/// It tells versions of one record apart; it protects nothing.
pub fn digest(value: &Value) -> String {
    let mut hash = Fnv::new();
    hash.value(value);
    format!("{:032x}", hash.0)
}

struct Fnv(u128);

impl Fnv {
    /// The offset basis and the prime of 128-bit FNV.
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

    const fn new() -> Self {
        Self(Self::BASIS)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(Self::PRIME);
        }
    }

    /// Every part begins with its kind and length, so that no two values run into the same bytes.
    fn part(&mut self, kind: u8, bytes: &[u8]) {
        self.bytes(&[kind]);
        self.bytes(&(bytes.len() as u64).to_le_bytes());
        self.bytes(bytes);
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.part(b'n', b""),
            Value::Bool(flag) => self.part(b'b', &[u8::from(*flag)]),
            Value::Number(number) => self.part(b'#', number.to_string().as_bytes()),
            Value::String(text) => self.part(b's', text.as_bytes()),
            Value::Array(items) => {
                self.part(b'[', &(items.len() as u64).to_le_bytes());
                for item in items {
                    self.value(item);
                }
            }
            Value::Object(fields) => {
                self.part(b'{', &(fields.len() as u64).to_le_bytes());
                let mut keys: Vec<&String> = fields.keys().collect();
                keys.sort();
                for key in keys {
                    self.part(b'k', key.as_bytes());
                    self.value(&fields[key]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_content_has_the_same_digest_in_any_order() {
        let first: Value = serde_json::from_str(r#"{"a":1,"b":[true,null]}"#).unwrap();
        let second: Value = serde_json::from_str(r#"{"b":[true,null],"a":1}"#).unwrap();
        assert_eq!(digest(&first), digest(&second));
    }

    #[test]
    fn values_that_print_alike_differ() {
        assert_ne!(digest(&json!("1")), digest(&json!(1)));
        assert_ne!(digest(&json!(["ab", ""])), digest(&json!(["a", "b"])));
        assert_ne!(digest(&json!({"a": null})), digest(&json!({})));
    }

    #[test]
    fn a_digest_stays_what_it_was() {
        // It is stored with links: a change of the algorithm would update every record once.
        let value = json!({"name": "Jane", "list": [1, null, true]});
        assert_eq!(digest(&value), "96a2b2b353eec6932dd42852801e4c95");
    }
}
