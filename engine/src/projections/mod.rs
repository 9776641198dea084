//! Views folded from durable events: plain structs, pure apply, queries.

mod history;

pub(crate) use self::history::History;
