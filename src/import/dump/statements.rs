//! The statements of a dump: tables that are created, tables that are filled, and the rows.

use std::io::Read;
use std::ops::Range;

use super::lexer::{Keep, Lexer, Token};
use super::{DumpError, DumpFault, MAX_COLUMNS, TableName, Within};

/// A dump.
///
/// [`Dump::statement`] goes to the next statement that matters, however much of the last one was read. After
/// [`Statement::Create`], [`Dump::columns`] may be called once; after [`Statement::Insert`],
/// [`Dump::columns`] once and then [`Dump::row`] until it returns `None`.
#[derive(Debug)]
pub struct Dump<R> {
    lexer: Lexer<R>,
    at: At,
    /// The database of the last USE.
    database: Option<String>,
}

/// How far a statement is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before the first statement.
    Start,
    /// Between two statements.
    Between,
    /// In a statement, behind the name of its table.
    Name,
    /// In front of its first row.
    Rows,
    /// Behind a row, and there may be more.
    Row,
}

/// A statement that leads to rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// A table is created.
    Create(TableName),
    /// Rows of a table follow.
    Insert(TableName),
    /// `SET NAMES`: the encoding of texts from here on.
    Names(String),
}

/// The wanted values of a row. Its memory is used again for the next row.
#[derive(Clone, Debug, Default)]
pub struct Row {
    line: usize,
    text: Vec<u8>,
    values: Vec<(usize, Option<Range<usize>>)>,
}

impl Row {
    /// The line on which it begins.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The value of a wanted column; `None` for NULL.
    pub fn get(&self, column: usize) -> Option<&[u8]> {
        let value = self.values.iter().find(|(at, _)| *at == column);
        let range = value.and_then(|(_, range)| range.clone());
        range.map(|range| &self.text[range])
    }
}

type Result<T> = std::result::Result<T, DumpError>;

impl<R: Read> Dump<R> {
    /// A dump at its beginning.
    pub fn new(reader: R) -> Self {
        Self {
            lexer: Lexer::new(reader),
            at: At::Start,
            database: None,
        }
    }

    /// A fault at the present place in the dump.
    pub fn error(&self, fault: DumpFault) -> DumpError {
        self.lexer.error(fault)
    }

    /// The next statement that matters, or `None` at the end of a whole dump.
    pub fn statement(&mut self) -> Result<Option<Statement>> {
        match self.at {
            At::Start => self.lexer.skip_mark()?,
            At::Between => {}
            At::Name | At::Rows | At::Row => self.skip()?,
        }
        loop {
            self.at = At::Between;
            let token = self.lexer.next(Keep::Start)?;
            if token == Token::Eof {
                return self.lexer.ends().map(|()| None);
            }
            if token == Token::Word && self.is("DELIMITER") {
                self.lexer.take_delimiter()?;
            } else if token != Token::End {
                self.at = At::Name;
                if token == Token::Word
                    && let Some(statement) = self.of_word()?
                {
                    return Ok(Some(statement));
                }
                self.skip()?;
            }
        }
    }

    /// The columns that the statement names: all of a table, or those that an INSERT fills if it
    /// says which.
    pub fn columns(&mut self) -> Result<Option<Vec<String>>> {
        if self.at != At::Name {
            return Ok(None);
        }
        self.at = At::Rows;
        if self.token(Keep::Start)? != Token::Sign(b'(') {
            // VALUES, of an INSERT; LIKE or AS, of a table.
            return Ok(None);
        }
        let mut columns = Vec::new();
        loop {
            let token = self.token(Keep::Start)?;
            if token == Token::Sign(b')') {
                return Ok(Some(columns));
            }
            if token != Token::Word || !KEYS.split(' ').any(|key| self.is(key)) {
                let is_name = matches!(token, Token::Word | Token::Name | Token::Double);
                self.require(is_name, "a column")?;
                if columns.len() == MAX_COLUMNS {
                    return Err(self.error(DumpFault::ManyColumns));
                }
                columns.push(self.name());
            }
            if self.skip_item()? == Token::Sign(b')') {
                return Ok(Some(columns));
            }
        }
    }

    /// Reads the next row: of its `count` columns those that are `wanted`, in order. Returns whether there was a
    /// row.
    pub fn row(&mut self, count: usize, wanted: &[usize], row: &mut Row) -> Result<bool> {
        match self.at {
            At::Rows | At::Row => {}
            At::Start | At::Between | At::Name => return Ok(false),
        }
        if !self.goes_on()? {
            return Ok(false);
        }
        row.line = self.lexer.line();
        row.text.clear();
        row.values.clear();
        self.at = At::Row;
        let mut at = 0;
        loop {
            let is_wanted = wanted.contains(&at);
            let last = if is_wanted {
                let from = row.text.len();
                let value = self.value(&mut row.text)?;
                let range = from..row.text.len();
                row.values.push((at, value.then_some(range)));
                self.token(Keep::Start)?
            } else {
                self.skip_item()?
            };
            at += 1;
            if last == Token::Sign(b')') {
                break;
            }
            self.require(last == Token::Sign(b','), "a comma or the end of the row")?;
            if at == MAX_COLUMNS {
                return Err(self.error(DumpFault::ManyColumns));
            }
        }
        if at != count {
            let (values, columns) = (at, count);
            return Err(self.error(DumpFault::Columns { values, columns }));
        }
        Ok(true)
    }

    /// Whether another row begins; skips the sign that it begins with.
    fn goes_on(&mut self) -> Result<bool> {
        let before = self.at;
        let mut token = self.token(Keep::Start)?;
        if before == At::Rows && token == Token::Word && (self.is("VALUES") || self.is("VALUE")) {
            token = self.token(Keep::Start)?;
        }
        if before == At::Row {
            // A word begins ON DUPLICATE KEY UPDATE.
            if matches!(token, Token::End | Token::Word) {
                self.skip()?;
                return Ok(false);
            }
            let is_comma = token == Token::Sign(b',');
            self.require(is_comma, "a comma or the end of the rows")?;
            token = self.token(Keep::Start)?;
        }
        self.require(token == Token::Sign(b'('), "VALUES, or a row")?;
        Ok(true)
    }

    /// Appends the next value. False for NULL.
    fn value(&mut self, text: &mut Vec<u8>) -> Result<bool> {
        let mut token = self.token(Keep::All)?;
        // A sign, or the charset of a string: `_binary 'x'`.
        if matches!(token, Token::Sign(b'-' | b'+')) {
            if token == Token::Sign(b'-') {
                text.push(b'-');
            }
            token = self.token(Keep::All)?;
            if token != Token::Number {
                return Err(self.error(DumpFault::Expression));
            }
        } else if token == Token::Word && self.lexer.text().starts_with(b"_") {
            token = self.token(Keep::All)?;
        }
        match token {
            Token::Text | Token::Double | Token::Number => {}
            Token::Word if self.is("NULL") => return Ok(false),
            Token::Word if self.is("TRUE") || self.is("FALSE") => {
                text.push(if self.is("TRUE") { b'1' } else { b'0' });
                return Ok(true);
            }
            Token::Word => self.prefixed()?,
            Token::Name | Token::Sign(_) | Token::End | Token::Eof => {
                self.require(false, "a value")?
            }
        }
        text.extend_from_slice(self.lexer.text());
        Ok(true)
    }

    /// A string with a letter before it.
    fn prefixed(&mut self) -> Result<()> {
        let (hex, bits, national) = (self.is("x"), self.is("b"), self.is("n"));
        let expression = self.error(DumpFault::Expression);
        if !(hex || bits || national) || self.lexer.quotes_behind(Keep::All)?.is_none() {
            return Err(expression);
        }
        if hex {
            self.lexer.unhex()?;
        } else if bits {
            self.lexer.unbit()?;
        }
        Ok(())
    }

    /// The kind of the statement that begins with this word, if it matters.
    fn of_word(&mut self) -> Result<Option<Statement>> {
        if self.is("USE") {
            if matches!(
                self.token(Keep::Start)?,
                Token::Word | Token::Name | Token::Double
            ) {
                self.database = Some(self.name());
            }
        } else if self.is("SET") {
            if self.token(Keep::Start)? == Token::Word && self.is("NAMES") {
                let charset = self.token(Keep::Start)?;
                if matches!(charset, Token::Word | Token::Text | Token::Double) {
                    return Ok(Some(Statement::Names(self.name())));
                }
            }
        } else if self.is("CREATE") {
            self.skip_words(&["OR", "REPLACE", "TEMPORARY"])?;
            if self.is("TABLE") {
                self.skip_words(&["IF", "NOT", "EXISTS"])?;
                return self.table_name().map(Statement::Create).map(Some);
            }
        } else if self.is("INSERT") || self.is("REPLACE") {
            self.skip_words(&["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO"])?;
            return self.table_name().map(Statement::Insert).map(Some);
        }
        Ok(None)
    }

    /// Skips to the first token that is not one of these words.
    fn skip_words(&mut self, words: &[&str]) -> Result<()> {
        while self.token(Keep::Start)? == Token::Word && words.iter().any(|word| self.is(word)) {}
        Ok(())
    }

    /// The name whose first part was the last token.
    fn table_name(&mut self) -> Result<TableName> {
        let first = self.name();
        self.require(!first.is_empty(), "the name of a table")?;
        let (database, table) = if self.lexer.skip_dot()? {
            self.token(Keep::Start)?;
            (Some(first), self.name())
        } else {
            (self.database.clone(), first)
        };
        Ok(TableName { database, table })
    }

    /// Skips to a comma or a closing parenthesis that is not inside other parentheses.
    fn skip_item(&mut self) -> Result<Token> {
        let mut depth = 0_usize;
        loop {
            let token = self.token(Keep::Start)?;
            self.require(token != Token::End, "a closing parenthesis")?;
            if token == Token::Sign(b'(') {
                depth += 1;
            } else if depth == 0 && matches!(token, Token::Sign(b')' | b',')) {
                return Ok(token);
            } else if token == Token::Sign(b')') {
                depth -= 1;
            }
        }
    }

    /// Skips to the end of the statement.
    fn skip(&mut self) -> Result<()> {
        while self.at != At::Between {
            self.token(Keep::Start)?;
        }
        Ok(())
    }

    /// The next token of the statement, which the dump cannot end in.
    fn token(&mut self, keep: Keep) -> Result<Token> {
        let token = self.lexer.next(keep)?;
        if token == Token::Eof {
            return Err(self.error(DumpFault::Cut(Within::Statement)));
        }
        if token == Token::End {
            self.at = At::Between;
        }
        Ok(token)
    }

    /// Whether the last token is this word, in any letter case.
    fn is(&self, word: &str) -> bool {
        self.lexer.text().eq_ignore_ascii_case(word.as_bytes())
    }

    /// The last token as a name.
    fn name(&self) -> String {
        String::from_utf8_lossy(self.lexer.text()).into_owned()
    }

    /// Fails because something else was expected here.
    fn require(&self, is_there: bool, what: &'static str) -> Result<()> {
        let error = || self.error(DumpFault::Expected(what));
        is_there.then_some(()).ok_or_else(error)
    }
}

/// The words that begin a line of CREATE TABLE that is no column. A column of such a name is in quotes.
const KEYS: &str = "PRIMARY UNIQUE KEY INDEX FULLTEXT SPATIAL CONSTRAINT FOREIGN CHECK PERIOD LIKE";
