//! Every store passes the suite, and then shows what is special about it.

mod decorators;
mod faulty;
mod local;
mod location;
mod memory;
mod object_lock;
mod properties;
mod s3;
