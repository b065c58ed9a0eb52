//! Dumps as servers and people write them, and what is read in them however the file is cut.

use super::*;

/// Every row of every table, as `line table: a=x b=NULL`, or the error.
fn rows(dump: &[u8]) -> Result<Vec<String>, String> {
    let all = read(&mut Dump::new(dump)).map_err(|error| error.to_string());
    // Wherever the buffer ends.
    for size in [1, 2, 3, 7] {
        let pieces = read(&mut Dump::new(Pieces(dump, size))).map_err(|error| error.to_string());
        assert_eq!(pieces, all, "in pieces of {size}");
    }
    let whole = tables(dump).map_err(|error| error.to_string());
    assert!(whole.is_ok() || all.is_err(), "{whole:?}");
    all
}

fn read(dump: &mut Dump<impl Read>) -> Result<Vec<String>, DumpError> {
    let mut known = BTreeMap::new();
    let mut rows = Vec::new();
    let mut row = Row::default();
    while let Some(statement) = dump.statement()? {
        match statement {
            Statement::Create(name) => {
                if let Some(columns) = dump.columns()? {
                    known.insert(name, columns);
                }
            }
            Statement::Insert(name) => {
                let columns = dump.columns()?.or_else(|| known.get(&name).cloned());
                let columns = columns.ok_or_else(|| dump.error(DumpFault::NoColumns))?;
                let wanted: Vec<_> = (0..columns.len()).collect();
                while dump.row(columns.len(), &wanted, &mut row)? {
                    let value = |(at, title): (usize, &String)| match row.get(at) {
                        Some(value) => format!("{title}={}", value.escape_ascii()),
                        None => format!("{title}=NULL"),
                    };
                    let values: Vec<_> = columns.iter().enumerate().map(value).collect();
                    rows.push(format!("{} {name}: {}", row.line(), values.join(" ")));
                }
            }
            Statement::Names(charset) => rows.push(format!("in {charset}")),
        }
    }
    Ok(rows)
}

/// Gives a few bytes at a time, so that the buffer's ends are everywhere.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.1.min(self.0.len()).min(buffer.len());
        let (piece, rest) = self.0.split_at(size);
        buffer[..size].copy_from_slice(piece);
        self.0 = rest;
        Ok(size)
    }
}

#[track_caller]
fn holds(dump: &str, expected: &[&str]) {
    let found = rows(dump.as_bytes()).unwrap_or_else(|error| panic!("{dump}: {error}"));
    assert_eq!(found, expected, "{dump}");
}

/// The value of one column, written in several ways.
#[track_caller]
fn values(written: &[&str], expected: &str) {
    for written in written {
        let dump = format!("INSERT INTO t (a, b) VALUES ({written}, 1);");
        holds(&dump, &[&format!("1 t: a={expected} b=1")]);
    }
}

#[test]
fn values_of_every_kind() {
    values(&["'x'", "\"x\"", "_utf8'x'", "_utf8mb4 'x'"], "x");
    values(&["N'x'", "n'x'", "X'78'", "x'78'", "0x78"], "x");
    values(&["_binary 'x'", "_binary 0x78", "_latin1 x'78'"], "x");
    values(&[" 'x' ", "/* y */'x'# z\n"], "x");
    values(&["NULL", "null"], "NULL");
    values(&["''", "x''"], "");
    values(&["1", "b'1'", "B'0001'", "0b1", "TRUE", "true", "+1"], "1");
    values(&["0", "FALSE", "b'0'"], "0");
    for number in ["-1", "-1.5e+3", ".5", "1E-7", "007"] {
        values(&[number], number);
    }
    let bits = format!("b'{}'", "1".repeat(64));
    values(&["18446744073709551615", &bits], "18446744073709551615");
    values(
        &[r"'\0\b\t\n\r\Z'", "0x0008090a0d1a"],
        r"\x00\x08\t\n\r\x1a",
    );
    values(&[r#"'\'\"\\'"#, r#""'\"\\""#, r#"'''"\\'"#], r#"\'\"\\"#);
    values(&[r"'a\%b\_c\d'"], r"a\\%b\\_cd");
    values(&["'a''b'", r"'a\'b'", "\"a'b\""], r"a\'b");
    values(&["'/* no */ -- # ; ('"], "/* no */ -- # ; (");
    values(&["'a\nb'", "'a\\nb'", "'a\\\nb'"], "a\\nb");
}

#[test]
fn statements_of_every_kind() {
    for insert in [
        "INSERT INTO `t` (`a`, `b`) VALUES (1,'x'),(2,'y');",
        "insert ignore into t(a,b)values(1,'x'),(2,'y');",
        "REPLACE INTO t (a,b) VALUES (1,'x'), (2,'y');",
        "INSERT LOW_PRIORITY IGNORE INTO \"t\" (\"a\",b) VALUE (1,'x'),(2,'y') ;",
        "INSERT DELAYED t (a, b) VALUES (1,'x'),(2,'y') ON DUPLICATE KEY UPDATE b='z(';",
        "INSERT INTO t (a,b) VALUES (1,'x');INSERT INTO t (a,b) VALUES (2,'y');",
        "/*!40000 ALTER TABLE t DISABLE KEYS */;INSERT INTO t (a,b) VALUES (1,'x'),(2,'y');",
        "/*!40000 INSERT INTO t (a,b) VALUES */ (1,'x'),/* (3,'z'), */(2,'y');",
        "/*M!100000 INSERT INTO t (a,b) VALUES (1,'x'),(2,'y') */;",
        "/*M!999999\\- the sandbox */INSERT INTO t (a,b) VALUES (1,'x'),(2,'y');",
        "\u{feff}INSERT INTO t (a,b) VALUES (1,'x'),(2,'y');",
        "SET x = ';', y = \"INSERT (3)\"; INSERT INTO t (a,b) VALUES (1,'x'),(2,'y');",
    ] {
        holds(insert, &["1 t: a=1 b=x", "1 t: a=2 b=y"]);
    }
    let table = "CREATE TABLE IF NOT EXISTS `t` (\r\n  `a` int(10) NOT NULL DEFAULT '1,2)',\r\n  \
        b enum('x','y)') COMMENT 'it''s; b',\r\n  PRIMARY KEY (`a`,`b`), KEY k (b(10)), \
        CONSTRAINT `c` CHECK (`a` > (1)), fulltext key (b)\r\n) ENGINE=MyISAM;\r\n";
    holds(
        &format!("{table}INSERT INTO `t` VALUES (1,'x'),\r\n(2,'y');\r\n"),
        &["6 t: a=1 b=x", "7 t: a=2 b=y"],
    );
    // What an INSERT names counts, and of a table created twice the last.
    holds(
        &format!("{table}INSERT INTO `t` (b) VALUES ('x');"),
        &["6 t: b=x"],
    );
    holds(
        &format!("CREATE TEMPORARY TABLE t (z int);{table}INSERT INTO t VALUES (1,'x');"),
        &["6 t: a=1 b=x"],
    );
    holds(
        "USE `one`; INSERT INTO t (a) VALUES (1); USE two; INSERT INTO t (a) VALUES (2);
         INSERT INTO `three` . `t` (a) VALUES (3);",
        &["1 one.t: a=1", "1 two.t: a=2", "2 three.t: a=3"],
    );
    holds(
        "/*!40101 SET NAMES utf8mb4 */;\nSET NAMES 'latin1' COLLATE x;SET @a=@@NAMES;",
        &["in utf8mb4", "in latin1"],
    );
    holds("", &[]);
    holds("\u{feff}-- nothing\n# at all\n/* here */;;", &[]);
}

#[test]
fn what_is_not_ours_is_skipped() {
    let ours = "INSERT INTO t (a) VALUES (1);\n";
    for other in [
        "DELIMITER ;;\n/*!50003 CREATE*/ /*!50017 DEFINER=`r`@`%`*/ /*!50003 TRIGGER x BEFORE \
         INSERT ON t FOR EACH ROW BEGIN INSERT INTO t (a) VALUES (2); SET @d = ';;'; END */;;\n\
         DELIMITER ;\n",
        "delimiter $$\r\nCREATE PROCEDURE p() BEGIN INSERT INTO t (a) VALUES (3); END$$\r\n\
         DELIMITER ;\r\n",
        "DELIMITER //\nCREATE FUNCTION f() RETURNS int BEGIN RETURN 6 / 2; END//\nDELIMITER ;\n",
        "CREATE VIEW v AS SELECT 'INSERT INTO t' AS `INSERT``; INTO`;",
        "LOCK TABLES `t` WRITE; START TRANSACTION; COMMIT; UNLOCK TABLES;",
        "UPDATE u SET a = '\\'; INSERT INTO t (a) VALUES (4);';",
        "-- INSERT INTO t (a) VALUES (5);\n# it's\n--\n/* ; ' */",
        "CREATE TABLE u LIKE t; CREATE TABLE w AS SELECT (1), (2);",
        "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `d` /*!40100 DEFAULT CHARACTER SET utf8 */;",
        "SELECT 1--1;",
    ] {
        let dump = format!("{other}{ours}{other}");
        let found = rows(dump.as_bytes()).unwrap_or_else(|error| panic!("{dump}: {error}"));
        assert_eq!(found.len(), 1, "{dump}: {found:?}");
        assert!(found[0].ends_with(" t: a=1"), "{dump}: {found:?}");
    }
}

#[test]
fn damage_is_told_with_its_line() {
    let long = format!(
        "INSERT INTO t (a) VALUES\n('{}');",
        "x".repeat(MAX_VALUE + 1)
    );
    let many = format!("INSERT INTO t (a) VALUES (1{});", ",1".repeat(MAX_COLUMNS));
    let wide = format!("CREATE TABLE t (a int{});", ",b int".repeat(MAX_COLUMNS));
    let into = "INSERT INTO t (a) VALUES ";
    for (dump, told) in [
        (
            "(1",
            "line 2: the dump is cut: it ends in the middle of a statement",
        ),
        ("(1)", "middle of a statement"),
        ("(1),", "middle of a statement"),
        (
            "('x\n\n",
            "line 4: the dump is cut: it ends in the middle of a string",
        ),
        ("('x\\", "middle of a string"),
        ("(NOW());", "has to be worked out"),
        ("(x);", "has to be worked out"),
        ("(-'1');", "has to be worked out"),
        ("(1 + 1);", "a comma or the end of the row is expected"),
        ("(0x123);", "an even number of hexadecimal digits"),
        ("(x'1g');", "hexadecimal digits"),
        ("(b'2');", "binary digits"),
        ("(1) (2);", "a comma or the end of the rows"),
        ("(1),\n(3,4);", "line 3: a row has 2 values for 1 columns"),
    ] {
        let error = rows(format!("{into}\n{dump}").as_bytes()).expect_err(dump);
        assert!(error.contains(told), "{dump}: {error}");
    }
    for (dump, told) in [
        ("INSERT INTO `t", "middle of a string"),
        ("/* x", "middle of a comment"),
        ("/*!40101 SET x = 1;", "middle of a comment"),
        (
            "-- MySQL dump 10.13\nSET x = 1;\n",
            "without the line '-- Dump completed'",
        ),
        (
            "/*M!999999\\- x */\n-- MariaDB dump 10.19\nSET x = 1;\n",
            "'-- Dump completed'",
        ),
        (
            "-- MySQL dump 10.13\n-- Dump completed on\n-- MySQL dump 10.13\n",
            "'-- Dump completed'",
        ),
        (
            "INSERT INTO t (a) SELECT 1;",
            "VALUES, or a row is expected",
        ),
        ("INSERT INTO t SET a = 1;", "nobody says"),
        (
            "INSERT INTO t VALUES (1);",
            "nobody says what the columns of these rows are called",
        ),
        ("INSERT INTO t (1) VALUES (1);", "a column is expected"),
        ("INSERT INTO (a) VALUES (1);", "the name of a table"),
        ("DELIMITER\n;", "a short word behind DELIMITER"),
        (&long, "line 2: a value is longer than 65536 bytes"),
        (&many, "more than 4096 columns"),
        (&wide, "more than 4096 columns"),
    ] {
        let start = &dump[..dump.len().min(100)];
        let error = rows(dump.as_bytes()).expect_err(start);
        assert!(error.contains(told), "{start}: {error}");
    }
}

#[test]
fn what_is_not_wanted_may_be_anything() {
    let long = "x".repeat(MAX_VALUE * 2);
    let dump = format!("INSERT INTO t (a,b,c) VALUES (CAST('(,)' AS JSON),7,'{long}');");
    let mut dump = Dump::new(dump.as_bytes());
    let mut row = Row::default();
    assert!(matches!(dump.statement(), Ok(Some(Statement::Insert(_)))));
    assert_eq!(dump.columns().unwrap().unwrap().len(), 3);
    assert_eq!(dump.row(3, &[1], &mut row), Ok(true));
    assert_eq!((row.get(0), row.get(1)), (None, Some(&b"7"[..])));
    assert_eq!(dump.row(3, &[1], &mut row), Ok(false));
    assert_eq!(dump.statement(), Ok(None));
}

#[test]
fn tables_with_rows_and_without() {
    let dump = "CREATE TABLE b (x int); CREATE TABLE a (x int); INSERT INTO a VALUES (1);
        INSERT INTO c (x) VALUES (1); INSERT INTO a VALUES (2); CREATE TABLE c (x int);";
    let found = tables(dump.as_bytes()).unwrap().into_iter();
    let found: Vec<_> = found.map(|t| (t.name.to_string(), t.is_filled)).collect();
    let expected = [("a", true), ("b", false), ("c", true)];
    assert_eq!(
        found,
        expected.map(|(name, filled)| (name.to_owned(), filled))
    );
}

/// Random rows, written in random ways, are read back in any pieces.
#[test]
fn random_rows_come_back() {
    for seed in 1..=300 {
        let mut random = Random(seed);
        let columns = 1 + random.below(5);
        let titles: Vec<_> = (0..columns).map(|n| format!("`c{n}` text")).collect();
        let mut dump = format!("CREATE TABLE `t` ({});\n", titles.join(",")).into_bytes();
        let mut expected = Vec::new();
        for _ in 0..random.below(4) {
            dump.extend(
                random
                    .pick(&[
                        "INSERT INTO t VALUES ",
                        "/*!1 INSERT */ INTO `t` VALUES\n",
                        "-- it's\nREPLACE `t` VALUES",
                    ])
                    .bytes(),
            );
            for row in 0..=random.below(5) {
                dump.extend(if row > 0 { ",\n(" } else { "(" }.bytes());
                let mut values = Vec::new();
                for column in 0..columns {
                    dump.extend(if column > 0 { "," } else { "" }.bytes());
                    values.push(random.value(&mut dump));
                }
                dump.push(b')');
                expected.push(values);
            }
            dump.extend(b";\r\n");
        }
        for size in [1, 2, 5, 1 + random.below(40), dump.len()] {
            let found = all_of_t(&mut Dump::new(Pieces(&dump, size)), columns);
            assert_eq!(found, expected, "seed {seed}, pieces of {size}");
        }
    }
}

type Values = Vec<Option<Vec<u8>>>;

fn all_of_t(dump: &mut Dump<impl Read>, columns: usize) -> Vec<Values> {
    let (mut found, mut row) = (Vec::new(), Row::default());
    let wanted: Vec<_> = (0..columns).collect();
    while let Some(statement) = dump.statement().unwrap() {
        if let Statement::Insert(_) = statement {
            assert_eq!(dump.columns(), Ok(None));
            while dump.row(columns, &wanted, &mut row).unwrap() {
                let values = wanted.iter().map(|at| row.get(*at).map(<[u8]>::to_vec));
                found.push(values.collect());
            }
        }
    }
    found
}

/// Xorshift: enough for tests, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Writes a value in some way, and returns it.
    fn value(&mut self, dump: &mut Vec<u8>) -> Option<Vec<u8>> {
        if self.below(8) == 0 {
            dump.extend(b"NULL");
            return None;
        }
        // Characters that mean something to a program, and any others.
        let special = b"'\"\\`\n\r\0\x1a;,()%_/*-#x\xc3\xa9";
        let length = self.pick(&[0, 1, 3, 20, 200]);
        let value: Vec<u8> = (0..length)
            .map(|_| match self.below(3) {
                0 => self.pick(&special[..]),
                1 => b'a' + self.below(26) as u8,
                _ => self.below(256) as u8,
            })
            .collect();
        let hex: String = value.iter().map(|byte| format!("{byte:02X}")).collect();
        match self.below(4) {
            0 if !value.is_empty() => dump.extend(format!("0x{hex}").bytes()),
            1 => dump.extend(format!("_binary x'{hex}'").bytes()),
            _ => self.quoted(&value, dump),
        }
        Some(value)
    }

    fn quoted(&mut self, value: &[u8], dump: &mut Vec<u8>) {
        let quote = self.pick(b"'\"");
        dump.push(quote);
        for &byte in value {
            match (byte, self.below(2)) {
                (b'\\', _) => dump.extend(b"\\\\"),
                (byte, 0) if byte == quote => dump.extend([quote, quote]),
                (byte, _) if byte == quote => dump.extend([b'\\', quote]),
                (0, 0) => dump.extend(b"\\0"),
                (b'\n', 0) => dump.extend(b"\\n"),
                (b'\r', 0) => dump.extend(b"\\r"),
                (0x1a, 0) => dump.extend(b"\\Z"),
                (byte, _) => dump.push(byte),
            }
        }
        dump.push(quote);
    }
}
