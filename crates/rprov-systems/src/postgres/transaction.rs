//! What a module does in one transaction: all of it or nothing, and in check mode nothing in the end.

use rprov_modules::context::Context;

use super::{Answer, Connection, PostgresError};

/// A transaction, with the statements that change something in it.
#[derive(Debug)]
pub struct Transaction {
    connection: Connection,
    check: bool,
    statements: Vec<String>,
}

impl Transaction {
    /// Begin one.
    ///
    /// # Errors
    /// The connection broke.
    pub fn begin(mut connection: Connection, context: &Context<'_>) -> Result<Self, PostgresError> {
        connection.query("BEGIN")?;
        Ok(Self { connection, check: context.check(), statements: Vec::new() })
    }

    /// Ask something.
    ///
    /// # Errors
    /// The server refuses.
    pub fn query(&mut self, statement: &str) -> Result<Answer, PostgresError> {
        self.connection.query(statement)
    }

    /// Change something.
    ///
    /// # Errors
    /// The server refuses.
    pub fn change(&mut self, statement: &str) -> Result<(), PostgresError> {
        self.change_shown(statement, statement)
    }

    /// Change something by a statement that is shown in another form.
    ///
    /// # Errors
    /// The server refuses.
    pub fn change_shown(&mut self, statement: &str, shown: &str) -> Result<(), PostgresError> {
        self.connection.run_shown(statement, shown)?;
        self.statements.push(shown.to_owned());
        Ok(())
    }

    /// Try something; if the server refuses, what was done before stays.
    ///
    /// # Errors
    /// The connection broke.
    pub fn attempt(&mut self, statement: &str) -> Result<Result<Answer, PostgresError>, PostgresError> {
        self.connection.query("SAVEPOINT attempt")?;
        let result = self.connection.query(statement);
        match &result {
            Err(PostgresError::Refused { .. }) => {
                self.connection.query("ROLLBACK TO SAVEPOINT attempt")?;
            }
            _ => {
                self.connection.query("RELEASE SAVEPOINT attempt")?;
            }
        }
        Ok(result)
    }

    /// Note a statement that was tried with success.
    pub fn note(&mut self, statement: &str) {
        self.statements.push(statement.to_owned());
    }

    /// Whether anything was changed so far.
    pub fn changed(&self) -> bool {
        !self.statements.is_empty()
    }

    /// Make it last, or in check mode take all back. Gives whether anything was changed, and by what.
    ///
    /// # Errors
    /// The server refuses after all.
    pub fn end(mut self) -> Result<(bool, Vec<String>), PostgresError> {
        self.connection.query(if self.check { "ROLLBACK" } else { "COMMIT" })?;
        Ok((!self.statements.is_empty(), self.statements))
    }

    /// Take all back.
    ///
    /// # Errors
    /// The connection broke.
    pub fn undo(mut self) -> Result<(), PostgresError> {
        self.connection.query("ROLLBACK")?;
        Ok(())
    }
}
