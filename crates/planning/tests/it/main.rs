//! Golden vectors of the planning rules.

mod ignore_vectors;
