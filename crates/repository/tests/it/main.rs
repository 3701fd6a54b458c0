//! Golden vectors and whole repositories.

mod data;
mod directory_vectors;
mod manifest_vectors;
mod object_vectors;
mod policy_vectors;
mod properties;
mod source_vectors;
