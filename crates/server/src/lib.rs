//! The server.
mod db;
