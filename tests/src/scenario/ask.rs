//! What a scenario can ask, as one line of words.

use jiff::Timestamp;

/// One ask.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ask {
    /// Moves the clock there.
    At(Timestamp),
    /// A new wallet.
    Create {
        wallet: u64,
        owner: Option<(String, u64)>,
        key: Option<String>,
    },
    /// Points given: paid by `charge`, free by `earn`.
    Grant {
        paid: bool,
        wallet: u64,
        amount: u64,
        until: Option<Timestamp>,
        note: Option<String>,
        key: Option<String>,
    },
    /// Points spent.
    Use {
        wallet: u64,
        amount: u64,
        note: Option<String>,
        key: Option<String>,
    },
    /// Points moved.
    Transfer {
        from: u64,
        to: u64,
        amount: u64,
        note: Option<String>,
        key: Option<String>,
    },
    /// A use given back, whole when no amount is named.
    Cancel {
        transaction: u64,
        leg: Option<u8>,
        amount: Option<u64>,
        note: Option<String>,
        key: Option<String>,
    },
    /// All of these commands or none; none of them has a key.
    Batch {
        items: Vec<Self>,
        key: Option<String>,
    },
    /// A wallet as it stands.
    Wallet(u64),
    /// A transaction with its legs.
    Transaction(u64),
    /// A wallet's history, page after page.
    History {
        wallet: u64,
        kinds: Vec<String>,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        oldest_first: bool,
        limit: Option<usize>,
    },
    /// Quiet wallets are looked through for points that have lapsed.
    Sweep,
    /// A clean shutdown and a new start over the same log.
    Restart,
    /// A power cut, with a seed for what it leaves, and a new start over the same disk.
    Crash(u64),
}

/// The words of one line that were not read yet.
struct Words<'a>(Vec<&'a str>);

// === impl Ask ===

impl Ask {
    /// Reads a line.
    pub fn parse(line: &str) -> Result<Self, String> {
        if let Some(rest) = line.strip_prefix("batch ") {
            return Self::parse_batch(rest);
        }
        let (line, note) = split_note(line)?;
        let mut words = Words(line.split_whitespace().rev().collect());
        let ask = Self::read(&mut words, note)?;
        match words.0.last() {
            None => Ok(ask),
            Some(word) => Err(format!("nobody asked for {word:?}")),
        }
    }

    /// `[key KEY] : command; command; …`
    fn parse_batch(line: &str) -> Result<Self, String> {
        let (head, items) = line.split_once(':').ok_or("a batch has a colon")?;
        let mut words = Words(head.split_whitespace().rev().collect());
        let key = words.key()?;
        let items = items.split(';').map(|item| Self::parse(item.trim()));
        let items = items.collect::<Result<_, _>>()?;
        Ok(Self::Batch { items, key })
    }

    fn read(words: &mut Words<'_>, note: Option<String>) -> Result<Self, String> {
        let ask = match words.word()? {
            "at" => Self::At(words.instant()?),
            "create" => Self::Create {
                wallet: words.number()?,
                owner: words.owner()?,
                key: words.key()?,
            },
            verb @ ("charge" | "earn") => Self::Grant {
                paid: verb == "charge",
                wallet: words.number()?,
                amount: words.number()?,
                until: words.instant_after("until")?,
                note,
                key: words.key()?,
            },
            "use" => Self::Use {
                wallet: words.number()?,
                amount: words.number()?,
                note,
                key: words.key()?,
            },
            "transfer" => Self::Transfer {
                from: words.number()?,
                to: words.number()?,
                amount: words.number()?,
                note,
                key: words.key()?,
            },
            "cancel" => Self::Cancel {
                transaction: words.number()?,
                leg: words.leg()?,
                amount: words.amount_if_any(),
                note,
                key: words.key()?,
            },
            "wallet" => Self::Wallet(words.number()?),
            "transaction" => Self::Transaction(words.number()?),
            "history" => Self::History {
                wallet: words.number()?,
                kinds: words.kinds()?,
                from: words.instant_after("from")?,
                to: words.instant_after("to")?,
                oldest_first: words.follows("oldest-first"),
                limit: words.limit()?,
            },
            "sweep" => Self::Sweep,
            "restart" => Self::Restart,
            "crash" => Self::Crash(words.number()?),
            verb => return Err(format!("no such ask: {verb}")),
        };
        Ok(ask)
    }
}

// === impl Words ===

impl<'a> Words<'a> {
    fn word(&mut self) -> Result<&'a str, String> {
        self.0.pop().ok_or_else(|| "a word is missing".to_owned())
    }

    fn number(&mut self) -> Result<u64, String> {
        let word = self.word()?;
        word.parse().map_err(|_| format!("{word:?} is no number"))
    }

    fn instant(&mut self) -> Result<Timestamp, String> {
        let word = self.word()?;
        word.parse().map_err(|error| format!("{word:?}: {error}"))
    }

    fn follows(&mut self, name: &str) -> bool {
        let follows = self.0.last() == Some(&name);
        if follows {
            self.0.pop();
        }
        follows
    }

    fn instant_after(&mut self, name: &str) -> Result<Option<Timestamp>, String> {
        if self.follows(name) {
            return self.instant().map(Some);
        }
        Ok(None)
    }

    fn amount_if_any(&mut self) -> Option<u64> {
        let amount = self.0.last().and_then(|word| word.parse().ok());
        if amount.is_some() {
            self.0.pop();
        }
        amount
    }

    fn owner(&mut self) -> Result<Option<(String, u64)>, String> {
        if !self.follows("of") {
            return Ok(None);
        }
        Ok(Some((self.word()?.to_owned(), self.number()?)))
    }

    fn key(&mut self) -> Result<Option<String>, String> {
        if self.follows("key") {
            return self.word().map(|word| Some(word.to_owned()));
        }
        Ok(None)
    }

    fn leg(&mut self) -> Result<Option<u8>, String> {
        if !self.follows("leg") {
            return Ok(None);
        }
        let leg = self.number()?;
        u8::try_from(leg)
            .map(Some)
            .map_err(|_| format!("no leg {leg}"))
    }

    fn kinds(&mut self) -> Result<Vec<String>, String> {
        if !self.follows("only") {
            return Ok(Vec::new());
        }
        Ok(self.word()?.split(',').map(str::to_owned).collect())
    }

    fn limit(&mut self) -> Result<Option<usize>, String> {
        if !self.follows("by") {
            return Ok(None);
        }
        let number = self.number()?;
        Ok(Some(number as usize))
    }
}

/// A note stands in quotes at the end of the line.
fn split_note(line: &str) -> Result<(&str, Option<String>), String> {
    match line.split_once('"') {
        None => Ok((line, None)),
        Some((asked, note)) => {
            let note = note.strip_suffix('"').ok_or("the note does not end")?;
            Ok((asked, Some(note.to_owned())))
        }
    }
}
