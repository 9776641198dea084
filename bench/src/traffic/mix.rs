//! How often each operation is asked for.

use std::str::FromStr;

use crate::random::Random;

/// One operation on one wallet, or two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operation {
    Charge,
    Earn,
    Use,
    Transfer,
    /// Reads a wallet: nothing is written.
    Read,
}

/// Weights of the operations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mix(Vec<(Operation, u64)>);

// === impl Operation ===

impl Operation {
    pub(crate) const ALL: [Self; 5] = [
        Self::Charge,
        Self::Earn,
        Self::Use,
        Self::Transfer,
        Self::Read,
    ];

    /// The word in requests and on the command line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Earn => "earn",
            Self::Use => "use",
            Self::Transfer => "transfer",
            Self::Read => "read",
        }
    }
}

// === impl Mix ===

impl Mix {
    /// As much spent as given, so that wallets stay as they are however long the run.
    pub(crate) fn earn_and_use() -> Self {
        Self(vec![(Operation::Earn, 1), (Operation::Use, 1)])
    }

    pub(crate) fn draw(&self, random: &mut Random) -> Operation {
        let sum = self.0.iter().map(|(_, weight)| weight).sum();
        let mut left = random.below(sum);
        for (operation, weight) in &self.0 {
            if left < *weight {
                return *operation;
            }
            left -= weight;
        }
        unreachable!("a number below the sum of the weights falls into one of them")
    }

    pub(crate) fn has(&self, wanted: Operation) -> bool {
        self.0.iter().any(|(operation, _)| *operation == wanted)
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut weights = Vec::new();
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').unwrap_or((part, "1"));
            let operation = Operation::ALL.into_iter().find(|op| op.as_str() == name);
            let operation = operation.ok_or_else(|| format!("no operation is called `{name}`"))?;
            let weight = weight.parse::<u32>();
            let weight = weight.map_err(|error| format!("weight of `{name}`: {error}"))?;
            weights.push((operation, u64::from(weight)));
        }
        if weights.iter().all(|(_, weight)| *weight == 0) {
            return Err("all weights are 0".to_owned());
        }
        Ok(Self(weights))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_drawn_by_its_weights() {
        let mix: Mix = "earn=3,use=1,read=0".parse().unwrap();
        let mut random = Random::new(5);
        let earns = (0..4_000)
            .filter(|_| mix.draw(&mut random) == Operation::Earn)
            .count();
        assert!((2_850..3_150).contains(&earns), "{earns} of 4000");
        assert!(mix.has(Operation::Read) && !mix.has(Operation::Charge));
    }

    #[test]
    fn a_senseless_mix_is_refused() {
        for text in ["", "earn=x", "steal=1", "earn=0,use=0"] {
            assert!(text.parse::<Mix>().is_err(), "{text}");
        }
    }
}
