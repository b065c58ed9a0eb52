//! Imports the rows of a table in a site's own database, by one statement that changes nothing there.
//!
//! The rows go to a temporary file first. Otherwise the site would wait for this program: an old kind of
//! table (MyISAM) is locked until its last row is read, and output to a pager is slow. Our own store is not
//! locked meanwhile either.

use std::time::Instant;

use rusqlite::{Connection, params_from_iter};

use super::server::{Patience, Server};
use super::site::SiteTable;
use super::table::Table;
use crate::import::{Import, ImportError, Names, PROGRESS_ROWS, Place, Report, Target, Watch, put};
use crate::store::Fault;

/// Imports the table of a site, or checks it.
pub fn import_table(
    target: Target<'_>,
    site: &SiteTable,
    watch: &mut dyn Watch,
) -> Result<Report, ImportError> {
    // Before the store is locked: the site's server may be slow, and others write to the store.
    let fetched = fetch(site, watch)?;
    put(target, site.options(), |sink| {
        let mut import = Import::new(sink, Names::Cleaned, site.options(), watch)?;
        fetched.read(&mut import)?;
        Ok(import.report)
    })
}

/// The rows of a table, in a file of SQLite's that is gone with its value.
struct Fetched {
    table: Table,
    /// Columns of the table, of which the file has a column each.
    wanted: Vec<usize>,
    file: Connection,
}

/// Reads all rows of a table. Counts them first if the watch wants to know.
fn fetch(site: &SiteTable, watch: &mut dyn Watch) -> Result<Fetched, ImportError> {
    let failed = |fault| ImportError::Site(site.error(fault));
    let server = site.server(Patience::Import);
    let table = Table::find(&server, site.options()).map_err(failed)?;
    if watch.wants_total() {
        let count = server.ask(Instant::now(), |connection| table.count(connection));
        watch.total(count.map_err(failed)?);
    }
    let wanted = table.columns.wanted();
    let file = file(wanted.len()).map_err(ImportError::scratch)?;
    let fetched = Fetched {
        table,
        wanted,
        file,
    };
    fetched.take(&server, watch).map_err(failed)??;
    Ok(fetched)
}

impl Fetched {
    fn take(
        &self,
        server: &Server,
        watch: &mut dyn Watch,
    ) -> Result<Result<(), ImportError>, Fault> {
        let marks = vec!["?"; self.wanted.len()].join(", ");
        let insert = format!("INSERT INTO rows VALUES ({marks})");
        let mut insert = match self.file.prepare(&insert) {
            Ok(insert) => insert,
            Err(error) => return Ok(Err(ImportError::scratch(error))),
        };
        let mut row = 0;
        let taken = server.ask_once(|connection| {
            self.table.rows(connection, |cells| {
                row += 1;
                if row % PROGRESS_ROWS == 0 {
                    watch.rows(row);
                }
                let cells = self.wanted.iter().map(|at| cells.get(*at));
                insert.execute(params_from_iter(cells)).map(drop)
            })
        })?;
        Ok(taken.map_err(ImportError::scratch))
    }

    /// Reads the rows in the order in which they came.
    fn read(self, import: &mut Import<'_>) -> Result<(), ImportError> {
        let (table, wanted) = (&self.table, &self.wanted);
        import.report.table = table.name.clone();
        import.report.columns = table.columns.named(&table.titles);
        let query = "SELECT * FROM rows ORDER BY rowid";
        let mut query = self.file.prepare(query).map_err(ImportError::scratch)?;
        let mut rows = query.query([]).map_err(ImportError::scratch)?;
        let mut number = 0;
        while let Some(row) = rows.next().map_err(ImportError::scratch)? {
            number += 1;
            import.row(Place::Row(number), &table.columns, &|column| {
                let at = wanted.binary_search(&column).ok()?;
                row.get_ref(at).ok()?.as_blob_or_null().ok()?
            })?;
        }
        Ok(())
    }
}

/// A file for rows with this number of cells; a cell is bytes or NULL.
fn file(cells: usize) -> rusqlite::Result<Connection> {
    // An empty name is a file that SQLite makes when what it holds outgrows its cache.
    let file = Connection::open("")?;
    let columns: Vec<_> = (0..cells).map(|at| format!("cell{at} BLOB")).collect();
    let columns = columns.join(", ");
    file.execute_batch(&format!(
        "PRAGMA journal_mode = OFF;
         PRAGMA synchronous = OFF;
         CREATE TABLE rows ({columns});
         BEGIN"
    ))?;
    Ok(file)
}
