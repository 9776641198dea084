//! Snapshots under a whole engine: equality with a full replay, damage, and crashes at every call to the disk.

mod archive;
mod crash;
mod damage;
mod days;
mod equal;
mod retain;
mod stage;
