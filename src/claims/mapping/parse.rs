use serde_json::{Map, Value};

use super::{
    MappingProblem,
    error::Flaw,
    rule::{Pointer, Rule},
    shape::shape,
};
use crate::claims::standard::{ADDRESS, Kind};

/// How deep rules may nest, the outermost one counted.
const DEPTH: usize = 8;

/// Reads the rule of a claim of this kind.
pub(super) fn claim_rule(json: Value, kind: Kind) -> Result<Rule, Flaw> {
    rule(json, kind, DEPTH)
}

/// Reads a rule that may be this deep.
fn rule(json: Value, kind: Kind, depth: usize) -> Result<Rule, Flaw> {
    let depth = depth.checked_sub(1).ok_or(MappingProblem::Depth)?;
    match json {
        Value::String(text) => Ok(Rule::Pointer(Pointer::parse(text)?)),
        Value::Object(object) => compound(object, kind, depth),
        _ => Err(MappingProblem::Rule.into()),
    }
}

fn compound(mut object: Map<String, Value>, kind: Kind, depth: usize) -> Result<Rule, Flaw> {
    let rule = if let Some(parts) = object.remove("join") {
        if kind == Kind::Address {
            return Err(MappingProblem::Type.into());
        }
        let separator = separator(object.remove("separator"))?;
        let join = list(parts, Kind::Text, depth).map_err(|flaw| flaw.within("join"))?;
        Rule::Join { join, separator }
    } else if let Some(choices) = object.remove("first") {
        Rule::First { first: list(choices, kind, depth).map_err(|flaw| flaw.within("first"))? }
    } else if let Some(parts) = object.remove("members") {
        members(parts, kind, depth).map_err(|flaw| flaw.within("members"))?
    } else if let Some(value) = object.remove("value") {
        constant(value, object.remove("when"), kind)?
    } else {
        return Err(MappingProblem::Rule.into());
    };
    match object.into_iter().next() {
        Some((unknown, _)) => Err(MappingProblem::Unknown(unknown.into()).into()),
        None => Ok(rule),
    }
}

fn separator(json: Option<Value>) -> Result<Box<str>, Flaw> {
    match json {
        None => Ok(" ".into()),
        Some(Value::String(text)) => Ok(text.into()),
        Some(_) => Err(Flaw::from(MappingProblem::Separator).within("separator")),
    }
}

fn list(json: Value, kind: Kind, depth: usize) -> Result<Vec<Rule>, Flaw> {
    let Value::Array(items) = json else {
        return Err(MappingProblem::Empty.into());
    };
    if items.is_empty() {
        return Err(MappingProblem::Empty.into());
    }
    let at = |position: usize| move |flaw: Flaw| flaw.within(&position.to_string());
    let rules = items.into_iter().enumerate();
    rules.map(|(position, item)| rule(item, kind, depth).map_err(at(position))).collect()
}

fn members(json: Value, kind: Kind, depth: usize) -> Result<Rule, Flaw> {
    let inner = match kind {
        Kind::Address => Kind::Text,
        Kind::Any => Kind::Any,
        _ => return Err(MappingProblem::Type.into()),
    };
    let Value::Object(object) = json else {
        return Err(MappingProblem::Empty.into());
    };
    if object.is_empty() {
        return Err(MappingProblem::Empty.into());
    }
    let member = |(name, json): (String, Value)| {
        if kind == Kind::Address && !ADDRESS.contains(&&*name) {
            return Err(Flaw::from(MappingProblem::AddressMember).within(&name));
        }
        let rule = rule(json, inner, depth).map_err(|flaw| flaw.within(&name))?;
        Ok((name.into(), rule))
    };
    Ok(Rule::Members { members: object.into_iter().map(member).collect::<Result<_, _>>()? })
}

/// A constant that would vanish each time is a mistake that is better found now.
fn constant(value: Value, when: Option<Value>, kind: Kind) -> Result<Rule, Flaw> {
    if shape(&value, kind).is_none() {
        return Err(Flaw::from(MappingProblem::Value).within("value"));
    }
    let when = match when {
        None => None,
        Some(Value::String(text)) => {
            Some(Pointer::parse(text).map_err(|problem| Flaw::from(problem).within("when"))?)
        }
        Some(_) => return Err(Flaw::from(MappingProblem::Pointer).within("when")),
    };
    Ok(Rule::Constant { value, when })
}
