//! Which functions a statement may call without becoming opaque.
//!
//! Only functions that are listed here do nothing but compute from their arguments (or tell something
//! about the server itself). A function that is not listed may read any table, any file, or another
//! server, whatever its name says; the statement that calls it is opaque.

/// What a function computes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// From the arguments of one row.
    Scalar,
    /// From many rows.
    Aggregate,
    /// From the rows around.
    Window,
    /// From the arguments of one row, giving several.
    Rows,
    /// From the clock, chance, or the session: running it again gives something else.
    Volatile,
}

/// The nature of a function; `None` where it is not known to be harmless. `schema` is the schema that
/// the call names.
pub(super) fn nature(schema: Option<&str>, name: &str) -> Option<Nature> {
    if !matches!(schema, None | Some("pg_catalog")) {
        return None;
    }
    TABLE
        .iter()
        .find(|(_, names)| names.split_ascii_whitespace().any(|n| n == name))
        .map(|(nature, _)| *nature)
}

/// PostgreSQL 15's built-in functions, those of one nature in a row.
const TABLE: &[(Nature, &str)] = &[
    (
        Nature::Aggregate,
        "count sum avg min max array_agg string_agg json_agg jsonb_agg json_object_agg jsonb_object_agg \
         bool_and bool_or every bit_and bit_or bit_xor stddev stddev_pop stddev_samp variance var_pop \
         var_samp corr covar_pop covar_samp regr_avgx regr_avgy regr_count regr_intercept regr_r2 \
         regr_slope regr_sxx regr_sxy regr_syy mode percentile_cont percentile_disc range_agg \
         range_intersect_agg xmlagg any_value",
    ),
    (
        Nature::Window,
        "row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value",
    ),
    (
        Nature::Rows,
        "generate_series unnest regexp_matches regexp_split_to_table string_to_table json_array_elements \
         jsonb_array_elements json_array_elements_text jsonb_array_elements_text json_each jsonb_each \
         json_each_text jsonb_each_text json_object_keys jsonb_object_keys json_to_record jsonb_to_record \
         json_to_recordset jsonb_to_recordset json_populate_record jsonb_populate_record \
         json_populate_recordset jsonb_populate_recordset jsonb_path_query generate_subscripts",
    ),
    (
        Nature::Volatile,
        "now current_timestamp current_date current_time localtime localtimestamp clock_timestamp \
         statement_timestamp transaction_timestamp timeofday random gen_random_uuid nextval currval lastval \
         setval txid_current pg_backend_pid current_user session_user user current_role current_catalog \
         current_database current_schema current_schemas current_setting set_config version \
         pg_advisory_lock pg_advisory_unlock pg_try_advisory_lock pg_advisory_xact_lock \
         pg_try_advisory_xact_lock pg_is_in_recovery pg_current_wal_lsn pg_postmaster_start_time \
         pg_conf_load_time pg_my_temp_schema inet_client_addr inet_client_port inet_server_addr \
         inet_server_port age has_table_privilege has_schema_privilege has_database_privilege \
         has_column_privilege has_any_column_privilege has_sequence_privilege has_function_privilege \
         pg_has_role pg_get_expr pg_get_indexdef pg_get_constraintdef pg_get_userbyid pg_get_serial_sequence \
         pg_table_is_visible pg_type_is_visible pg_function_is_visible pg_encoding_to_char pg_char_to_encoding \
         format_type obj_description col_description shobj_description to_regclass to_regtype \
         to_regnamespace pg_relation_size pg_total_relation_size pg_table_size pg_indexes_size \
         pg_database_size pg_size_pretty pg_tablespace_location",
    ),
    (
        Nature::Scalar,
        "abs acos asin atan atan2 cbrt ceil ceiling cos cot degrees div exp factorial floor gcd lcm ln log \
         log10 mod pi power pow radians round scale sign sin sqrt tan trunc width_bucket min_scale trim_scale \
         ascii bit_length btrim char_length character_length chr concat concat_ws convert convert_from \
         convert_to decode encode format initcap left length lower lpad ltrim md5 normalize octet_length \
         overlay parse_ident position quote_ident quote_literal quote_nullable regexp_count regexp_instr \
         regexp_like regexp_match regexp_replace regexp_split_to_array regexp_substr repeat replace reverse \
         right rpad rtrim split_part starts_with string_to_array strpos substr substring to_ascii to_hex \
         translate trim upper unistr sha224 sha256 sha384 sha512 get_bit get_byte set_bit set_byte bit_count \
         to_char to_date to_number to_timestamp date_bin date_part date_trunc extract isfinite justify_days \
         justify_hours justify_interval make_date make_interval make_time make_timestamp make_timestamptz \
         timezone overlaps coalesce nullif greatest least num_nonnulls num_nulls \
         array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position \
         array_positions array_prepend array_remove array_replace array_to_string array_upper cardinality \
         trim_array lower_inc upper_inc lower_inf upper_inf isempty range_merge int4range int8range numrange \
         tsrange tstzrange daterange multirange \
         to_json to_jsonb array_to_json row_to_json json_build_array jsonb_build_array json_build_object \
         jsonb_build_object json_object jsonb_object json_array_length jsonb_array_length json_extract_path \
         jsonb_extract_path json_extract_path_text jsonb_extract_path_text json_typeof jsonb_typeof \
         json_strip_nulls jsonb_strip_nulls jsonb_set jsonb_set_lax jsonb_insert jsonb_pretty \
         jsonb_path_exists jsonb_path_match jsonb_path_query_array jsonb_path_query_first jsonb_exists \
         to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery ts_rank ts_rank_cd \
         ts_headline setweight strip numnode querytree tsvector_to_array \
         abbrev broadcast family host hostmask masklen netmask network set_masklen text inet_merge \
         inet_same_family area center diameter height isclosed isopen npoints array path point polygon box circle \
         line lseg row grouping int4 int8 int2 float4 float8 \
         numeric varchar bpchar date timestamp timestamptz interval bool",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_text_or_reads_files_is_not_known() {
        for name in [
            "pg_read_file",
            "pg_ls_dir",
            "dblink",
            "lo_export",
            "lo_get",
            "query_to_xml",
            "table_to_xml",
            "pg_sleep",
            "database_to_xml",
            "xpath_table",
            "my_function",
            "ts_stat",
            "pg_stat_file",
            "crosstab",
            "ts_rewrite",
            "cursor_to_xml",
            "pg_logical_slot_get_changes",
            "pg_file_write",
            "pg_terminate_backend",
        ] {
            assert_eq!(nature(None, name), None, "{name}");
        }
        assert_eq!(nature(Some("public"), "lower"), None);
        assert_eq!(nature(Some("pg_catalog"), "lower"), Some(Nature::Scalar));
    }

    #[test]
    fn a_name_has_one_nature() {
        let mut names: Vec<_> = TABLE
            .iter()
            .flat_map(|(_, names)| names.split_ascii_whitespace())
            .collect();
        names.sort_unstable();
        let twice: Vec<_> = names.windows(2).filter(|w| w[0] == w[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }
}
