//! Finds the columns of a file: by our names, by names that old sites have used, or as `--map` says.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::options::Options;
use super::reading::is_like_a_number;
use super::texts::Texts;
use crate::password::{self, Format};
use crate::text::{Quoted, shortened};

/// Our names of the columns, which are those of a CSV file.
pub(super) const COLUMNS: [&str; 5] = ["id", "nick", "name", "password", "active"];
pub(super) const ID: usize = 0;
pub(super) const NICK: usize = 1;
pub(super) const NAME: usize = 2;
pub(super) const PASSWORD: usize = 3;
pub(super) const ACTIVE: usize = 4;

/// What is in which column, where the names of a file are its own: `nick=username,id=uid`. A salt is
/// named for what the site made of it: `md5(salt.password)=salt`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map {
    columns: [Said; COLUMNS.len()],
    salt: Salt,
}

/// What the map says about a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Said {
    #[default]
    Nothing,
    /// There is no such column.
    None,
    Column(String),
}

/// What the map says about salts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Salt {
    #[default]
    Unsaid,
    None,
    Column(String, Format),
}

impl Map {
    /// Whether the map names the column that says which members are active.
    pub fn says_active(&self) -> bool {
        self.columns[ACTIVE] != Said::Nothing
    }
}

impl FromStr for Map {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut map = Self::default();
        for pair in text.split(',') {
            let (ours, theirs) = pair
                .split_once('=')
                .ok_or_else(|| format!("{} is not OURS=COLUMN", Quoted(pair)))?;
            let (ours, theirs) = (ours.trim().to_ascii_lowercase(), theirs.trim());
            let twice = if let Some(known) = COLUMNS.iter().position(|name| *name == ours) {
                if theirs.is_empty() && matches!(known, ID | NICK | PASSWORD) {
                    return Err(format!("a member needs {ours}"));
                }
                let said = match theirs {
                    "" => Said::None,
                    theirs => Said::Column(theirs.to_owned()),
                };
                std::mem::replace(&mut map.columns[known], said) != Said::Nothing
            } else if let Some(form) = salted(&ours) {
                let salt = Salt::Column(theirs.to_owned(), form);
                std::mem::replace(&mut map.salt, salt) != Salt::Unsaid
            } else if ours == "salt" && theirs.is_empty() {
                std::mem::replace(&mut map.salt, Salt::None) != Salt::Unsaid
            } else if ours == "salt" {
                return Err(format!(
                    "say what the site made of a salt: md5(salt.password)={theirs} or \
                     md5(md5(password).salt)={theirs}"
                ));
            } else {
                let known = COLUMNS.join(", ");
                return Err(format!("{} is none of {known}", Quoted(&ours)));
            };
            if twice {
                return Err(format!("{ours} is there twice"));
            }
        }
        Ok(map)
    }
}

/// The active members: those whose row has one of some values in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveIf {
    /// The column.
    pub column: String,
    /// The values, letter by letter.
    pub values: Values,
}

/// A list of values, as in `0,3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values(String);

impl Values {
    /// Whether a value is in the list, or is the whole list: a value may contain commas.
    pub(super) fn include(&self, value: &str) -> bool {
        self.0 == value || self.0.split(',').any(|one| one == value)
    }
}

impl fmt::Display for ActiveIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.column, self.values.0)
    }
}

impl FromStr for ActiveIf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((column, value)) if !column.trim().is_empty() => Ok(Self {
                column: column.trim().to_owned(),
                values: Values(value.to_owned()),
            }),
            Some(_) | None => Err("it must be COLUMN=VALUE or COLUMN=VALUE,VALUE".to_owned()),
        }
    }
}

/// The columns of a row.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    pub(crate) id: usize,
    pub(crate) nick: usize,
    /// Without this column, the nick is shown.
    pub(super) name: Option<usize>,
    pub(crate) password: usize,
    pub(super) active: ActiveBy,
    /// The salt that a site has put into its hashes, and how.
    pub(crate) salt: Option<(usize, Format)>,
    /// What the site does to names and passwords.
    pub(crate) texts: Texts,
    /// How many columns there are.
    pub(super) count: usize,
}

/// How a row says whether its member is active.
#[derive(Clone, Debug)]
pub(crate) enum ActiveBy {
    /// A column says 1 or 0.
    Column(usize),
    /// A column has one of some values.
    If(usize, Values),
    /// No column says anything.
    Everyone,
}

impl ActiveBy {
    pub(super) fn column(&self) -> Option<usize> {
        match self {
            Self::Column(at) | Self::If(at, _) => Some(*at),
            Self::Everyone => None,
        }
    }
}

impl Columns {
    /// Finds the columns of a file that does not use our names, or says which are missing.
    pub(crate) fn find(titles: &[String], options: &Options) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut is_any_missing = false;
        let mut named = |ours: &str, title: &str| {
            let found = at(titles, title);
            if found.is_none() {
                is_any_missing = true;
                problems.push(format!("there is no column {} for {ours}", Quoted(title)));
            }
            found
        };
        let mut found = [None; COLUMNS.len()];
        for (known, said) in options.map.columns.iter().enumerate() {
            found[known] = match said {
                Said::Column(title) => named(COLUMNS[known], title),
                Said::None => None,
                Said::Nothing => USUAL[known].split(' ').find_map(|usual| at(titles, usual)),
            };
        }
        let salt = match &options.map.salt {
            Salt::Column(title, form) => named("the salt", title).map(|at| (at, *form)),
            Salt::None => None,
            Salt::Unsaid => (0..)
                .zip(titles)
                .find_map(|(at, title)| salted(&title.to_ascii_lowercase()).map(|form| (at, form))),
        };
        let active = match &options.active_if {
            Some(ActiveIf { column, values }) => {
                named("--active-if", column).map(|at| ActiveBy::If(at, values.clone()))
            }
            None => found[ACTIVE].map(ActiveBy::Column),
        };
        if options.map.salt == Salt::Unsaid && salt.is_none() {
            problems.extend(unsaid_salt(titles));
        }
        for known in [ID, NICK, PASSWORD] {
            if found[known].is_none() && options.map.columns[known] == Said::Nothing {
                let ours = COLUMNS[known];
                problems.push(format!(
                    "no column is called {ours} or the like; name it with --map {ours}=COLUMN"
                ));
                is_any_missing = true;
            }
        }
        // Once, with the last fault. A row with a number is a member's, perhaps with a password, and is not shown.
        let is_number = |title: &str| !title.is_empty() && is_like_a_number(title);
        if is_any_missing
            && !titles.iter().any(|title| is_number(title.trim()))
            && let Some(last) = problems.last_mut()
        {
            *last += &format!("; there are {}", list(titles));
        }
        match found {
            [Some(id), Some(nick), name, Some(password), _] if problems.is_empty() => Ok(Self {
                id,
                nick,
                name,
                password,
                active: active.unwrap_or(ActiveBy::Everyone),
                salt,
                texts: Texts::of(titles),
                count: titles.len(),
            }),
            _ => Err(problems),
        }
    }

    /// Whether the first row of a file probably has titles: it names two or more of the columns that a member
    /// needs, and no field is a number, as a member's would be. Nothing of any other row may be shown: it may
    /// contain a password.
    pub(super) fn are_titles(row: &[String], map: &Map) -> bool {
        let is_named = |known: &usize| match &map.columns[*known] {
            Said::Column(title) => at(row, title).is_some(),
            Said::None => false,
            Said::Nothing => USUAL[*known]
                .split(' ')
                .any(|usual| at(row, usual).is_some()),
        };
        let is_number = |field: &String| field.bytes().all(|byte| byte.is_ascii_digit());
        let is_hash = |field: &String| password::format(field).is_ok();
        let named = [ID, NICK, PASSWORD].iter().filter(|known| is_named(known));
        let is_of_member = |field| !String::is_empty(field) && is_number(field) || is_hash(field);
        named.count() >= 2 && !row.iter().any(is_of_member)
    }

    /// The columns that are wanted.
    pub(crate) fn wanted(&self) -> Vec<usize> {
        let always = [self.id, self.nick, self.password].into_iter();
        let salt = self.salt.map(|(at, _)| at);
        let wanted = always.chain(self.name).chain(self.active.column());
        in_order(wanted.chain(salt))
    }

    /// The columns that say whether an online member may stay online.
    #[cfg(feature = "mysql")]
    pub(crate) fn of_a_look(&self) -> Vec<usize> {
        let always = [self.id, self.nick].into_iter().chain(self.name);
        in_order(always.chain(self.active.column()))
    }

    /// Our name of each column, and the file's.
    pub(crate) fn named(&self, titles: &[String]) -> Vec<(&'static str, String)> {
        let title = |at: usize| titles.get(at).cloned().unwrap_or_default();
        let named = |at: Option<usize>, without: &str| match at {
            Some(at) => title(at),
            None => format!("({without})"),
        };
        let active = match &self.active {
            ActiveBy::Column(at) => title(*at),
            ActiveBy::If(at, values) => format!("{}={}", title(*at), values.0),
            ActiveBy::Everyone => "(everyone)".to_owned(),
        };
        let mut columns = vec![
            (COLUMNS[ID], title(self.id)),
            (COLUMNS[NICK], title(self.nick)),
            (COLUMNS[NAME], named(self.name, "the nick")),
            (COLUMNS[PASSWORD], title(self.password)),
            (COLUMNS[ACTIVE], active),
        ];
        if let Some((at, _)) = self.salt {
            columns.push(("salt", title(at)));
        }
        columns
    }
}

/// Each of these columns once, in ascending order.
fn in_order(columns: impl Iterator<Item = usize>) -> Vec<usize> {
    columns.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The fault of a column of salts that the map does not name: without its salt, no hash could be right.
fn unsaid_salt(titles: &[String]) -> Option<String> {
    let at = SALTS.split(' ').find_map(|usual| at(titles, usual))?;
    let (title, shown) = (&titles[at], shortened(&titles[at]));
    Some(format!(
        "there is a column {}: say what the site made of it, --map 'md5(salt.password)={title}' or \
         'md5(md5(password).salt)={title}', or nothing: salt=",
        Quoted(&shown)
    ))
}

/// The form that a column of salts is named for.
pub(super) fn salted(title: &str) -> Option<Format> {
    let forms = [Format::Md5SaltPassword, Format::Md5Md5PasswordSalt];
    forms.into_iter().find(|form| form.to_string() == title)
}

/// The place of a column. Letter case does not matter in names of columns, as in MySQL.
pub(super) fn at(titles: &[String], title: &str) -> Option<usize> {
    let is_it = |one: &String| one.to_lowercase() == title.to_lowercase();
    titles.iter().position(is_it)
}

/// Names of some columns, for a message.
fn list(titles: &[String]) -> String {
    let mut shown: Vec<_> = titles
        .iter()
        .take(MAX_TOLD)
        .map(|one| shortened(one))
        .collect();
    if titles.len() > MAX_TOLD {
        shown.push(format!("and {} more", titles.len() - MAX_TOLD));
    }
    Quoted(&shown.join(", ")).to_string()
}

/// Names of columns in forums, weblogs and PHP's tutorials, the likelier ones first.
const USUAL: [&str; COLUMNS.len()] = [
    "id user_id userid uid member_id memberid id_member",
    "nick username user_name user_login login nickname member_name uname user",
    "name realname real_name fullname full_name display_name displayname",
    "password user_password passwd user_pass pass pwd password_hash passhash",
    "active is_active user_active enabled is_enabled",
];

const SALTS: &str = "salt user_salt password_salt passwordsalt pass_salt";

/// The most columns that a message lists: all of any usual table.
const MAX_TOLD: usize = 50;
