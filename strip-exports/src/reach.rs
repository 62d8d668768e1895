//! Finds the functions of a module that can be called: from exports, from tables, or from each other.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{
    BinaryReaderError, ConstExpr, ElementItems, FunctionBody, Operator, Parser, Payload, TypeRef,
};

/// The number of imported functions, which have the first indexes.
pub(crate) fn imported(module: &[u8]) -> Result<u32, BinaryReaderError> {
    let mut count = 0;
    for payload in Parser::new(0).parse_all(module) {
        let Payload::ImportSection(section) = payload? else { continue };
        for import in section.into_imports() {
            count += u32::from(matches!(import?.ty, TypeRef::Func(_)));
        }
    }
    Ok(count)
}

/// These functions, those in tables and globals, and all that they call. Indirect calls can only call functions in tables.
pub(crate) fn functions(module: &[u8], mut roots: BTreeSet<u32>) -> Result<BTreeSet<u32>, BinaryReaderError> {
    let mut calls = BTreeMap::new();
    let mut next = imported(module)?;
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::StartSection { func, .. } => {
                roots.insert(func);
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    references(&global?.init_expr, &mut roots)?;
                }
            }
            Payload::ElementSection(section) => {
                for element in section {
                    match element?.items {
                        ElementItems::Functions(functions) => {
                            for function in functions {
                                roots.insert(function?);
                            }
                        }
                        ElementItems::Expressions(_, expressions) => {
                            for expression in expressions {
                                references(&expression?, &mut roots)?;
                            }
                        }
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                calls.insert(next, called(&body)?);
                next += 1;
            }
            _ => {}
        }
    }
    let mut open: Vec<u32> = roots.iter().copied().collect();
    while let Some(function) = open.pop() {
        for &called in calls.get(&function).into_iter().flatten() {
            if roots.insert(called) {
                open.push(called);
            }
        }
    }
    Ok(roots)
}

fn references(expression: &ConstExpr<'_>, to: &mut BTreeSet<u32>) -> Result<(), BinaryReaderError> {
    for operator in expression.get_operators_reader() {
        if let Operator::RefFunc { function_index } = operator? {
            to.insert(function_index);
        }
    }
    Ok(())
}

fn called(body: &FunctionBody<'_>) -> Result<BTreeSet<u32>, BinaryReaderError> {
    let mut called = BTreeSet::new();
    for operator in body.get_operators_reader()? {
        match operator? {
            Operator::Call { function_index }
            | Operator::ReturnCall { function_index }
            | Operator::RefFunc { function_index } => {
                called.insert(function_index);
            }
            _ => {}
        }
    }
    Ok(called)
}
