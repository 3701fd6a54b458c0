//! Policies as they are stored: with whatever a later version of the format added.

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::Policy;
use crate::json::{
    JsonError, Kind, Node, UnknownMember, from_node_with_unknown, parse_prefix, push_string, to_vec,
};

/// A policy and the members of its document that this version has no field for. They have no effect, and an edit keeps
/// them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyDocument {
    /// What is understood.
    pub policy: Policy,
    unknown: Vec<UnknownMember>,
}

impl PolicyDocument {
    /// Reads the payload of a policy manifest.
    ///
    /// # Errors
    /// [`JsonError`] naming the field whose value has another type.
    pub fn parse(text: &[u8]) -> Result<Self, JsonError> {
        let (policy, unknown) = from_node_with_unknown(&parse_prefix(text)?)?;
        Ok(Self { policy, unknown })
    }

    /// Another policy with the unknown members of this one.
    #[must_use]
    pub fn with_policy(&self, policy: Policy) -> Self {
        Self {
            policy,
            unknown: self.unknown.clone(),
        }
    }

    /// Names of the members that have no effect, such as `retention.keepDecades`.
    pub fn unknown_fields(&self) -> impl Iterator<Item = String> + '_ {
        self.unknown.iter().map(|member| {
            let path = member.path.iter().chain([&member.name]);
            path.map(String::as_str).collect::<Vec<_>>().join(".")
        })
    }

    fn text(&self) -> Result<String, String> {
        let known = to_vec(&self.policy).map_err(|error| error.to_string())?;
        let mut out = Vec::with_capacity(known.len());
        let node = parse_prefix(&known).map_err(|error| error.to_string())?;
        self.push(&mut out, &node, &mut Vec::new());
        String::from_utf8(out).map_err(|error| error.to_string())
    }

    /// Writes a value; unknown members stand behind the known ones of their object.
    fn push(&self, out: &mut Vec<u8>, node: &Node<'_>, path: &mut Vec<String>) {
        let Kind::Object(members) = &node.kind else {
            out.extend_from_slice(node.raw);
            return;
        };
        let mut separator = b'{';
        let mut name = |out: &mut Vec<u8>, name: &str| {
            out.push(std::mem::replace(&mut separator, b','));
            push_string(out, name.as_bytes());
            out.push(b':');
        };
        for (key, value) in members {
            name(out, key);
            path.push(key.to_string());
            self.push(out, value, path);
            path.pop();
        }
        for member in self.unknown.iter().filter(|member| member.path == *path) {
            name(out, &member.name);
            out.extend_from_slice(member.value.as_bytes());
        }
        out.extend_from_slice(if separator == b'{' { b"{}" } else { b"}" });
    }
}

impl From<Policy> for PolicyDocument {
    fn from(policy: Policy) -> Self {
        Self {
            policy,
            unknown: Vec::new(),
        }
    }
}

impl Serialize for PolicyDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.unknown.is_empty() {
            return self.policy.serialize(serializer);
        }
        let text = self.text().map_err(S::Error::custom)?;
        RawValue::from_string(text)
            .map_err(S::Error::custom)?
            .serialize(serializer)
    }
}
