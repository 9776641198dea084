//! When granted points lapse: `expires_at`, an instant, or `expires_in`, a term.
//!
//! ```text
//! "expires_in": {"days":30} · {"months":1} · {"end_of":"quarter"} · {"end_of":"month","plus":1}
//! ```

use engine::domain::{Expiry, Period, TERM_YEARS_MAX, Term, Timestamp};

use super::{Draft, Field, Value};
use crate::moment;

/// Every year has fewer days: some terms of a hundred years are given a few days more.
const DAYS_A_YEAR: u32 = 366;

const MONTHS_A_YEAR: u32 = 12;

// === impl Draft ===

impl Draft<'_> {
    /// When points lapse; never, when nothing is said about it.
    pub(crate) fn expiry(&mut self) -> Expiry {
        const BOTH: &str = "cannot be given together with expires_at";
        let at = self.expires_at();
        let term = self.term();
        match (at, term) {
            (at, None) => at.into(),
            (None, Some(term)) => Expiry::After(term),
            (Some(_), Some(_)) => {
                self.fault(Field::ExpiresIn.pointer(), BOTH);
                Expiry::Never
            }
        }
    }

    pub(crate) fn expires_at(&mut self) -> Option<Timestamp> {
        self.instant(Field::ExpiresAt)
    }

    /// An instant, which may be left out.
    pub(crate) fn instant(&mut self, field: Field) -> Option<Timestamp> {
        const DETAIL: &str =
            "must be an RFC 3339 time with an offset and at most six decimals of a second";
        let parsed = moment::parse(self.text(field, DETAIL)?);
        if parsed.is_none() {
            self.fault(field.pointer(), DETAIL);
        }
        parsed
    }

    fn term(&mut self) -> Option<Term> {
        const ONE: &str = "must have exactly one of days, months and end_of";
        const PLUS: &str = "goes only with end_of";
        if self.values[Field::ExpiresIn as usize] != Value::Other {
            return None;
        }
        let given = [
            Field::ExpiresInDays,
            Field::ExpiresInMonths,
            Field::ExpiresInEndOf,
        ];
        let given: Vec<Field> = given
            .into_iter()
            .filter(|field| self.is_given(*field))
            .collect();
        let [field] = given[..] else {
            self.fault(Field::ExpiresIn.pointer(), ONE);
            return None;
        };
        if field == Field::ExpiresInEndOf {
            return self.end_of();
        }
        if self.is_given(Field::ExpiresInPlus) {
            self.fault(Field::ExpiresInPlus.pointer(), PLUS);
        }
        let years = TERM_YEARS_MAX;
        if field == Field::ExpiresInDays {
            const DAYS: &str = "must be an integer from 1 to 36600";
            let days = self.bounded(field, 1, years * DAYS_A_YEAR, DAYS);
            return days.map(Term::Days);
        }
        const MONTHS: &str = "must be an integer from 1 to 1200";
        let months = self.bounded(field, 1, years * MONTHS_A_YEAR, MONTHS);
        months.map(Term::Months)
    }

    fn end_of(&mut self) -> Option<Term> {
        const PERIOD: &str = "must be \"month\", \"quarter\" or \"year\"";
        let field = Field::ExpiresInEndOf;
        let word = self.text(field, PERIOD)?;
        let mut known = Period::ALL.into_iter();
        let Some(period) = known.find(|period| period.as_str() == word) else {
            self.fault(field.pointer(), PERIOD);
            return None;
        };
        let (most, detail) = match period {
            Period::Month => (MONTHS_A_YEAR, "must be an integer from 0 to 1200"),
            Period::Quarter => (4, "must be an integer from 0 to 400"),
            Period::Year => (1, "must be an integer from 0 to 100"),
        };
        let plus = if self.is_given(Field::ExpiresInPlus) {
            self.bounded(Field::ExpiresInPlus, 0, TERM_YEARS_MAX * most, detail)?
        } else {
            0
        };
        Some(Term::EndOf(period, plus))
    }

    fn is_given(&self, field: Field) -> bool {
        !matches!(self.values[field as usize], Value::Absent | Value::Null)
    }

    fn bounded(
        &mut self,
        field: Field,
        least: u32,
        most: u32,
        detail: &'static str,
    ) -> Option<u32> {
        let number = match &self.values[field as usize] {
            Value::Number(number) => u32::try_from(*number).ok(),
            Value::Absent | Value::Null | Value::Flag(_) | Value::Text(_) | Value::Other => None,
        };
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.fault(field.pointer(), detail);
        }
        number
    }
}
