//! On what conditions a command is to be carried out, and whether less of it will do.

use engine::domain::{Command, Conditional, NUMBER_MAX};

use super::{Draft, Field, Value};

// === impl Draft ===

impl Draft<'_> {
    /// The command on the conditions that the body states, if it states any.
    pub(crate) fn conditions(&mut self, command: Command) -> Command {
        let if_version = self.number_if_given(Field::IfVersion);
        let min_balance_after = self.min_balance_after();
        if if_version.is_none() && min_balance_after.is_none() {
            return command;
        }
        Command::Conditional(Box::new(Conditional {
            command,
            if_version,
            min_balance_after,
        }))
    }

    /// Whether less than the amount will do.
    pub(crate) fn up_to(&mut self) -> bool {
        self.flag(Field::UpTo)
    }

    /// Whether a field says yes.
    pub(crate) fn flag(&mut self, field: Field) -> bool {
        match &self.values[field as usize] {
            Value::Absent | Value::Null => false,
            Value::Flag(flag) => *flag,
            Value::Number(_) | Value::Text(_) | Value::Other => {
                self.fault(field.pointer(), "must be true or false");
                false
            }
        }
    }

    fn min_balance_after(&mut self) -> Option<u64> {
        const DETAIL: &str = "must be an integer from 0 to 9007199254740991";
        match &self.values[Field::MinBalanceAfter as usize] {
            Value::Absent | Value::Null => return None,
            Value::Number(points) if *points <= NUMBER_MAX => return Some(*points),
            Value::Number(_) | Value::Flag(_) | Value::Text(_) | Value::Other => {}
        }
        self.fault(Field::MinBalanceAfter.pointer(), DETAIL);
        None
    }
}
