//! The words of Sigma's pipelines that are understood here: what a step may say.

/// The words of a pipeline itself. What is about queries for other engines means nothing to rules that are evaluated.
pub(super) const PIPELINE: [&str; 7] = [
    "name",
    "priority",
    "vars",
    "transformations",
    "postprocessing",
    "finalizers",
    "allowed_backends",
];

/// What every step may say.
pub(super) const STEP: [&str; 15] = [
    "id",
    "type",
    "rule_conditions",
    "rule_cond_op",
    "rule_cond_not",
    "rule_cond_expression",
    "detection_item_conditions",
    "detection_item_cond_op",
    "detection_item_cond_not",
    "detection_item_cond_expression",
    "field_name_conditions",
    "field_name_cond_op",
    "field_name_cond_not",
    "field_name_cond_expression",
    "description",
];

/// A kind of step or condition.
pub(super) struct Form {
    pub name: &'static str,
    /// Without these it would do something else than was meant.
    pub required: &'static [&'static str],
    pub optional: &'static [&'static str],
}

const fn form(
    name: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
) -> Form {
    Form {
        name,
        required,
        optional,
    }
}

/// The kinds of steps.
pub(super) const STEPS: &[Form] = &[
    form(
        "add_condition",
        &[],
        &["conditions", "field_refs", "negated", "prepend", "name"],
    ),
    form("add_field", &["field"], &[]),
    form("case", &[], &["case", "case_type"]),
    form("case_transformation", &[], &["case", "case_type"]),
    form("change_logsource", &[], &["category", "product", "service"]),
    form("convert_type", &["target_type"], &[]),
    form("detection_item_failure", &["message"], &[]),
    form("drop_detection_item", &[], &[]),
    form("field_name_mapping", &["mapping"], &[]),
    form("field_name_prefix", &["prefix"], &[]),
    form("field_name_prefix_mapping", &["mapping"], &[]),
    form("field_name_suffix", &["suffix"], &[]),
    form("field_name_transform", &["transform_func"], &["mapping"]),
    form(
        "hashes_fields",
        &["valid_hash_algos"],
        &["field_prefix", "drop_algo_prefix"],
    ),
    form("map_string", &["mapping"], &[]),
    form("nest", &["items"], &[]),
    form("regex", &[], &[]),
    form("remove_field", &["field"], &[]),
    form("replace_string", &["regex", "replacement"], &["skip_special"]),
    form("rule_failure", &["message"], &[]),
    form("set_custom_attribute", &["attribute", "value"], &[]),
    form("set_field", &["fields"], &[]),
    form("set_state", &["key", "value"], &[]),
    form("set_value", &["value"], &[]),
    form("value_placeholders", &[], &[]),
    form("wildcard_placeholders", &[], &[]),
];

/// The kinds of conditions, by the list that they stand in.
pub(super) const CONDITIONS: &[(&str, &[Form])] = &[
    (
        "rule_conditions",
        &[
            form("logsource", &[], &["category", "product", "service"]),
            form("contains_detection_item", &["field"], &["value"]),
            form("processing_item_applied", &["processing_item_id"], &[]),
            form("processing_state", &["key", "val"], &[]),
            form("is_sigma_rule", &[], &[]),
            form("is_sigma_correlation_rule", &[], &[]),
            form("rule_attribute", &["attribute", "value"], &[]),
            form("tag", &["tag"], &[]),
        ],
    ),
    (
        "detection_item_conditions",
        &[
            form("match_string", &["pattern"], &["negate"]),
            form("is_null", &[], &["negate"]),
            form("processing_item_applied", &["processing_item_id"], &[]),
            form("processing_state", &["key", "val"], &[]),
        ],
    ),
    (
        "field_name_conditions",
        &[
            form("include_fields", &["fields"], &["match_type"]),
            form("exclude_fields", &["fields"], &["match_type"]),
            form("processing_item_applied", &["processing_item_id"], &[]),
            form("processing_state", &["key", "val"], &[]),
        ],
    ),
];

/// Keys whose value is one of a few.
pub(super) const ONE_OF: &[(&str, &[&str])] = &[
    (
        "case",
        &["lower", "lowercase", "upper", "uppercase", "snake_case"],
    ),
    (
        "case_type",
        &["lower", "lowercase", "upper", "uppercase", "snake_case"],
    ),
    (
        "transform_func",
        &["lower", "lowercase", "upper", "uppercase", "title", "snake_case"],
    ),
    (
        "target_type",
        &["str", "string", "int", "integer", "float", "bool", "boolean"],
    ),
    ("match_type", &["plain", "regex", "re"]),
    ("negated", &["true", "false"]),
    ("negate", &["true", "false"]),
    ("prepend", &["true", "false"]),
    ("skip_special", &["true", "false"]),
    ("drop_algo_prefix", &["true", "false"]),
    ("field_name_cond_not", &["true", "false"]),
    ("detection_item_cond_not", &["true", "false"]),
    ("rule_cond_not", &["true", "false"]),
    ("rule_cond_op", &["and", "or"]),
    ("detection_item_cond_op", &["and", "or"]),
    ("field_name_cond_op", &["and", "or"]),
];
