//! What an expression names: columns, functions, subqueries; without looking into the subqueries.

use super::functions::{Nature, nature};
use super::split::clause;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, Query,
    Visit, Visitor,
};
use std::ops::ControlFlow;

/// What was found in expressions of one level.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Names of columns, or of whole rows, as written.
    pub names: Vec<Vec<String>>,
    /// `t.*` by its qualifier; empty for a bare `*` that stands for columns.
    pub stars: Vec<Vec<String>>,
    pub subqueries: Vec<Query>,
    pub aggregates: bool,
    pub windows: bool,
    pub volatile: bool,
    /// It casts, calls or computes, so that it can fail on a value.
    pub computes: bool,
    /// Why the expression cannot be understood.
    pub opaque: Option<String>,
    depth: usize,
}

impl Found {
    /// What an expression, or anything that holds expressions, names.
    pub(super) fn of(tree: &impl Visit) -> Self {
        let mut found = Self::default();
        let _ = tree.visit(&mut found);
        found
    }

    fn refuse(&mut self, why: impl Into<String>) {
        self.opaque.get_or_insert(why.into());
    }

    fn expression(&mut self, expr: &Expr) {
        match expr {
            Expr::Identifier(ident) => self.names.push(vec![fold(ident)]),
            Expr::CompoundIdentifier(parts) => self.names.push(parts.iter().map(fold).collect()),
            Expr::QualifiedWildcard(name, _) => self.star(name),
            Expr::Wildcard(_) => self.stars.push(Vec::new()),
            Expr::Function(function) => self.function(function),
            Expr::Cast { .. } | Expr::Convert { .. } => self.computes = true,
            Expr::BinaryOp { op, .. } => self.operator(op),
            Expr::AnyOp { compare_op, .. } | Expr::AllOp { compare_op, .. } => self.operator(compare_op),
            Expr::MatchAgainst { .. }
            | Expr::OuterJoin(_)
            | Expr::Prior(_)
            | Expr::Lambda(_)
            | Expr::MemberOf(_)
            | Expr::Dictionary(_)
            | Expr::Map(_)
            | Expr::Struct { .. }
            | Expr::JsonAccess { .. } => self.refuse("it uses an expression that PostgreSQL does not have"),
            _ => {}
        }
    }

    fn operator(&mut self, op: &BinaryOperator) {
        match op {
            BinaryOperator::Custom(_) | BinaryOperator::PGCustomBinaryOperator(_) => {
                self.refuse("it uses an operator that someone defined");
            }
            BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
            | BinaryOperator::StringConcat => self.computes = true,
            _ => {}
        }
    }

    fn star(&mut self, name: &ObjectName) {
        match parts(name) {
            Some(parts) => self.stars.push(parts),
            None => self.refuse("it names columns in a way that is not understood"),
        }
    }

    fn function(&mut self, function: &Function) {
        let Some(mut path) = parts(&function.name) else {
            return self.refuse("it calls a function by a name that is not understood");
        };
        let name = path.pop().unwrap_or_default();
        if path.len() > 1 {
            return self.refuse("it calls a function of another database");
        }
        self.windows |= function.over.is_some();
        match nature(path.first().map(String::as_str), &name) {
            Some(Nature::Scalar | Nature::Rows) => self.computes = true,
            Some(Nature::Aggregate) => self.aggregates |= function.over.is_none(),
            Some(Nature::Window) => self.windows = true,
            Some(Nature::Volatile) => self.volatile = true,
            None => self.refuse(format!("it calls `{}`, which may do anything", clause(&name))),
        }
        self.arguments(&name, &function.args);
    }

    fn arguments(&mut self, name: &str, arguments: &FunctionArguments) {
        let FunctionArguments::List(list) = arguments else {
            return;
        };
        for argument in &list.args {
            let (FunctionArg::Unnamed(argument)
            | FunctionArg::Named { arg: argument, .. }
            | FunctionArg::ExprNamed { arg: argument, .. }) = argument;
            match argument {
                FunctionArgExpr::QualifiedWildcard(name) => self.star(name),
                FunctionArgExpr::Wildcard if name == "count" => {}
                FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_) => {
                    self.stars.push(Vec::new())
                }
                FunctionArgExpr::Expr(_) => {}
            }
        }
    }
}

impl Visitor for Found {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if self.depth == 0 {
            self.subqueries.push(query.clone());
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if self.depth == 0 {
            self.expression(expr);
        }
        ControlFlow::Continue(())
    }
}

/// An identifier as PostgreSQL reads it: small letters where it is not quoted.
pub(super) fn fold(ident: &sqlparser::ast::Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_ascii_lowercase(),
    }
}

/// The parts of a dotted name; `None` where one of them is no identifier.
pub(super) fn parts(name: &ObjectName) -> Option<Vec<String>> {
    name.0.iter().map(|part| part.as_ident().map(fold)).collect()
}
