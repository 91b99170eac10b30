"""Reading logs beside other engines: the same file, the same columns, in the same run.

    python3 -m venv v && v/bin/pip install chdb duckdb     # and the command `zstd`
    v/bin/python bench/peers.py target/release/ambit [MB of each source]

Each engine makes of every record: an id (a hash of its bytes), its instant, ten to sixteen columns as Ambit fills
them, sessions as a hash, the fields as JSON, and the raw record; in Parquet under zstd. Ambit besides keeps the raw
record sealed, coverage, digests and look-up indexes. Rates are megabytes of log per second of processor time, all
threads and the program's start counted, the better of two runs.
"""

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 2

NGINX_JSON = {
    "msec": "DOUBLE", "hostname": "VARCHAR", "request_id": "VARCHAR", "remote_addr": "VARCHAR",
    "request_method": "VARCHAR", "uri": "VARCHAR", "args": "VARCHAR", "status": "VARCHAR",
    "body_bytes_sent": "BIGINT", "request_time": "DOUBLE", "http_user_agent": "VARCHAR", "sid": "VARCHAR",
    "api_key": "VARCHAR", "app_version": "VARCHAR", "app_platform": "VARCHAR", "device_id": "VARCHAR",
}
COMBINED = r'^(\S+) \S+ (\S+) \[([^\]]+)\] "(\S+) ([^" ]*) [^"]*" (\d{3}) (\d+) "([^"]*)" "([^"]*)"'
CSVLOG = [
    "log_time", "user_name", "database_name", "process_id", "connection_from", "session_id", "session_line_num",
    "command_tag", "session_start_time", "virtual_transaction_id", "transaction_id", "error_severity",
    "sql_state_code", "message", "detail", "hint", "internal_query", "internal_query_pos", "context", "query",
    "query_pos", "location", "application_name", "backend_type", "leader_pid", "query_id",
]
AUDIT = r'^AUDIT: (\w+),(\d+),(\d+),(\w+),([^,]*),([^,]*),([^,]*),(.*)$'
CLOUDTRAIL = {
    "eventTime": "VARCHAR", "eventSource": "VARCHAR", "eventName": "VARCHAR", "awsRegion": "VARCHAR",
    "sourceIPAddress": "VARCHAR", "userAgent": "VARCHAR", "errorCode": "VARCHAR", "requestID": "VARCHAR",
    "eventID": "VARCHAR", "recipientAccountId": "VARCHAR",
}
CLOUDTRAIL_DEEP = ["userIdentity.arn", "userIdentity.accessKeyId", "userIdentity.accountId", "requestParameters.bucketName", "requestParameters.key"]


def duckdb_query(source, path):
    lines = f"read_csv('{path}', columns={{'raw':'VARCHAR'}}, delim='\\x1f', quote='', escape='', header=false, auto_detect=false)"
    if source == "nginx JSON":
        shape = json.dumps(NGINX_JSON)
        return f"""SELECT sha256(raw) id, make_timestamp(CAST(j.msec*1e6 AS BIGINT)) AS time, j.hostname host, j.request_method activity,
            j.uri resource, regexp_replace(j.uri, '/[0-9]+', '/{{id}}', 'g') operation, j.args query, j.status status,
            CASE WHEN j.status < '400' THEN 'success' WHEN j.status IN ('401','403') THEN 'denied' ELSE 'failure' END outcome,
            j.body_bytes_sent bytes, CAST(j.request_time*1e9 AS BIGINT) duration, j.http_user_agent ua, j.remote_addr ip,
            sha256(j.sid) session, sha256(j.api_key) credential, j.app_version version, j.app_platform platform,
            j.device_id device, j.request_id trace, raw AS fields, raw
            FROM (SELECT raw, json_transform(raw, '{shape}') j FROM {lines})"""
    if source == "nginx combined":
        names = "['ip','user','time','method','uri','status','bytes','referer','ua']"
        return f"""SELECT sha256(raw) id, strptime(j.time, '%d/%b/%Y:%H:%M:%S %z') AS time, j.method activity, j.uri resource,
            regexp_replace(split_part(j.uri,'?',1), '/[0-9]+', '/{{id}}', 'g') operation, split_part(j.uri,'?',2) query, j.status status,
            CASE WHEN j.status < '400' THEN 'success' WHEN j.status IN ('401','403') THEN 'denied' ELSE 'failure' END outcome,
            CAST(j.bytes AS BIGINT) bytes, j.ua ua, j.ip ip, j.user AS "user", to_json(j) fields, raw
            FROM (SELECT raw, regexp_extract(raw, '{COMBINED}', {names}) j FROM {lines})"""
    if source == "PostgreSQL csvlog":
        columns = "{" + ",".join(f"'{name}':'VARCHAR'" for name in CSVLOG) + "}"
        audit = "['kind','statement','sub','class','command','type','object','rest']"
        whole = ", ".join(CSVLOG)
        return f"""SELECT sha256(raw) id, strptime(log_time, '%Y-%m-%d %H:%M:%S.%g %Z') AS time, user_name, process_id,
            split_part(connection_from, ':', 1) ip, split_part(connection_from, ':', 2) port, session_id, CAST(session_line_num AS BIGINT) sequence,
            command_tag activity, error_severity, sql_state_code status, application_name service, a.command operation, a.object resource,
            a.rest statement, regexp_extract(a.rest, 'request_id=.([0-9a-f]+)', 1) trace, to_json(f) fields, raw
            FROM (SELECT *, regexp_extract(message, '{AUDIT}', {audit}) a, concat_ws(',', {whole}) raw, struct_pack({whole}) f
            FROM read_csv('{path}', columns={columns}, quote='"', escape='"', header=false, auto_detect=false))"""
    shape = json.dumps(CLOUDTRAIL | {"userIdentity": {"arn": "VARCHAR", "accessKeyId": "VARCHAR", "accountId": "VARCHAR"}, "requestParameters": {"bucketName": "VARCHAR", "key": "VARCHAR"}})
    return f"""SELECT j.eventID id, strptime(j.eventTime, '%Y-%m-%dT%H:%M:%SZ') AS time, j.eventName activity,
        j.eventSource || ':' || j.eventName operation, j.awsRegion region, j.sourceIPAddress ip, j.userAgent ua,
        CASE WHEN j.errorCode IS NULL THEN 'success' WHEN j.errorCode = 'AccessDenied' THEN 'denied' ELSE 'failure' END outcome, j.errorCode status,
        j.requestID trace, j.recipientAccountId realm, j.userIdentity.arn "user", sha256(j.userIdentity.accessKeyId) credential,
        's3://' || j.requestParameters.bucketName || '/' || j.requestParameters.key resource, raw AS fields, raw
        FROM (SELECT raw, json_transform(raw, '{shape}') j FROM {lines})"""


def chdb_query(source, path):
    lines = f"file('{path}', 'LineAsString', 'raw String')"
    kinds = {"DOUBLE": "Float64", "VARCHAR": "String", "BIGINT": "Int64"}
    shape = lambda names: ", ".join(f"{name} {kinds[kind]}" for name, kind in names.items())
    outcome = "multiIf({0} < '400', 'success', {0} IN ('401','403'), 'denied', 'failure')"
    if source == "nginx JSON":
        return f"""SELECT hex(SHA256(raw)) id, toDateTime64(j.msec, 3, 'UTC') AS time, j.hostname host, j.request_method activity, j.uri resource,
            replaceRegexpAll(j.uri, '/[0-9]+', '/{{id}}') operation, j.args query, j.status status, {outcome.format('j.status')} outcome,
            j.body_bytes_sent bytes, toInt64(j.request_time*1e9) duration, j.http_user_agent ua, j.remote_addr ip,
            hex(SHA256(j.sid)) session, hex(SHA256(j.api_key)) credential, j.app_version version, j.app_platform platform,
            j.device_id device, j.request_id trace, raw AS fields, raw
            FROM (SELECT raw, JSONExtract(raw, 'Tuple({shape(NGINX_JSON)})') j FROM {lines})"""
    if source == "nginx combined":
        pattern = COMBINED.replace("\\", "\\\\")
        return f"""SELECT hex(SHA256(raw)) id, parseDateTime(j[3], '%d/%b/%Y:%H:%i:%S %z', 'UTC') AS time, j[4] activity, j[5] resource,
            replaceRegexpAll(path(j[5]), '/[0-9]+', '/{{id}}') operation, queryString(j[5]) query, j[6] status,
            {outcome.format('j[6]')} outcome, toInt64OrNull(j[7]) bytes, j[9] ua, j[1] ip, j[2] user, toJSONString(j) fields, raw
            FROM (SELECT raw, extractGroups(raw, '{pattern}') j FROM {lines})"""
    if source == "PostgreSQL csvlog":
        columns = ", ".join(f"{name} String" for name in CSVLOG)
        pattern = AUDIT.replace("\\", "\\\\")
        whole = ", ".join(CSVLOG)
        return f"""SELECT hex(SHA256(raw)) id, parseDateTime64BestEffort(log_time, 3, 'UTC') AS time, user_name, process_id,
            splitByChar(':', connection_from)[1] ip, splitByChar(':', connection_from)[2] port, session_id, toInt64OrNull(session_line_num) sequence,
            command_tag activity, error_severity, sql_state_code status, application_name service, a[5] operation, a[7] resource, a[8] statement,
            extract(a[8], 'request_id=.([0-9a-f]+)') trace, toJSONString(map({', '.join(f"'{n}', {n}" for n in CSVLOG)})) fields, raw
            FROM (SELECT *, extractGroups(message, '{pattern}') a, concatWithSeparator(',', {whole}) raw FROM file('{path}', 'CSV', '{columns}'))"""
    deep = "userIdentity Tuple(arn String, accessKeyId String, accountId String), requestParameters Tuple(bucketName String, key String)"
    return f"""SELECT j.eventID id, parseDateTimeBestEffort(j.eventTime, 'UTC') AS time, j.eventName activity,
        concat(j.eventSource, ':', j.eventName) operation, j.awsRegion region, j.sourceIPAddress ip, j.userAgent ua,
        multiIf(j.errorCode = '', 'success', j.errorCode = 'AccessDenied', 'denied', 'failure') outcome, j.errorCode status,
        j.requestID trace, j.recipientAccountId realm, j.userIdentity.arn user, hex(SHA256(j.userIdentity.accessKeyId)) credential,
        concat('s3://', j.requestParameters.bucketName, '/', j.requestParameters.key) resource, raw AS fields, raw
        FROM (SELECT raw, JSONExtract(raw, 'Tuple({shape(CLOUDTRAIL)}, {deep})') j FROM {lines})"""


def run_peer(engine, source, path, out):
    if engine == "DuckDB":
        import duckdb
        duckdb.execute("SET TimeZone='UTC'")
        duckdb.execute(f"COPY ({duckdb_query(source, path)}) TO '{out}' (FORMAT parquet, COMPRESSION zstd)")
    elif engine == "chDB":
        import chdb
        chdb.query(f"INSERT INTO FUNCTION file('{out}', 'Parquet') {chdb_query(source, path)} SETTINGS output_format_parquet_compression_method='zstd'")


def took(command):
    """Processor and wall seconds, and the peak memory in MB, of a command."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, errors = child.communicate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if child.returncode not in (0, 3):
        raise SystemExit(f"{command} ended with {child.returncode}: {errors.decode()[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.monotonic() - began


def size(path):
    path = Path(path)
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) if path.is_dir() else path.stat().st_size


def joined(files, out, most):
    with open(out, "wb") as to:
        for path in sorted(files):
            to.write(path.read_bytes())
            if to.tell() > most:
                break


def combined(nginx, out, most):
    """The same requests as nginx writes them by default."""
    with open(nginx) as lines, open(out, "w") as to:
        for line in lines:
            r = json.loads(line)
            at = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(r["msec"]))
            query = "?" + r["args"] if r["args"] else ""
            to.write(f'{r["remote_addr"]} - - [{at}] "{r["request_method"]} {r["uri"]}{query} HTTP/1.1" {r["status"]} {r["body_bytes_sent"]} "-" "{r["http_user_agent"]}"\n')
            if to.tell() > most:
                break


def cloudtrail(out, most):
    """Records of the size and shape that S3 data events have, from a fixed seed."""
    chance = random.Random(7)
    keys = [f"AKIA{chance.randrange(16**12):012X}ABCD" for _ in range(300)]
    with open(out, "w") as to:
        at = 1_400_000_000
        while to.tell() < most:
            at += chance.randrange(3)
            who = chance.randrange(len(keys))
            denied = {"errorCode": "AccessDenied", "errorMessage": "Access Denied"} if chance.random() < 0.02 else {}
            record = {
                "eventVersion": "1.08",
                "userIdentity": {"type": "IAMUser", "principalId": f"AIDA{who:016d}", "arn": f"arn:aws:iam::123456789012:user/user-{who}",
                                 "accountId": "123456789012", "accessKeyId": keys[who], "userName": f"user-{who}"},
                "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
                "eventSource": "s3.amazonaws.com", "eventName": chance.choice(["GetObject", "GetObject", "PutObject", "HeadObject"]),
                "awsRegion": "eu-north-1", "sourceIPAddress": f"198.51.{who % 100}.{chance.randrange(250)}",
                "userAgent": "[aws-sdk-java/1.12.400 Linux/5.10 OpenJDK_64-Bit_Server_VM/17.0.6]", **denied,
                "requestParameters": {"bucketName": f"media-{who % 7}", "Host": "media.s3.eu-north-1.amazonaws.com", "key": f"users/{chance.randrange(10**6)}/profile.json"},
                "responseElements": None,
                "additionalEventData": {"SignatureVersion": "SigV4", "CipherSuite": "ECDHE-RSA-AES128-GCM-SHA256", "bytesTransferredIn": 0,
                                        "AuthenticationMethod": "AuthHeader", "x-amz-id-2": f"{chance.getrandbits(256):064x}", "bytesTransferredOut": chance.randrange(10**5)},
                "requestID": f"{chance.getrandbits(64):016X}", "eventID": f"{chance.getrandbits(128):032x}",
                "readOnly": True, "resources": [{"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::media-{who % 7}/users/profile.json"}],
                "eventType": "AwsApiCall", "managementEvent": False, "recipientAccountId": "123456789012", "eventCategory": "Data",
            }
            to.write(json.dumps(record, separators=(",", ":")) + "\n")


def inputs(ambit, work, most):
    users = str(max(60, most // 90_000))
    subprocess.run([ambit, "drill", "--users", users, "--days", "12", "--random-seed", "7", "--out", work / "drill"], check=True, stdout=subprocess.DEVNULL)
    logs = work / "drill/logs"
    paths = {name: work / file for name, file in [("nginx JSON", "access.json.log"), ("nginx combined", "access.log"), ("PostgreSQL csvlog", "postgresql.csv"), ("CloudTrail", "cloudtrail.jsonl")]}
    joined((logs / "nginx").glob("*.log"), paths["nginx JSON"], most)
    combined(paths["nginx JSON"], paths["nginx combined"], most)
    joined((logs / "postgresql").glob("*.csv"), paths["PostgreSQL csvlog"], most)
    cloudtrail(paths["CloudTrail"], most)
    return paths


def main(ambit, most):
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        print("| source | MB | engine | MB/s per core | MB/s, wall | on disk / zstd -3 |\n|---|---|---|---|---|---|")
        for source, path in inputs(ambit, work, most).items():
            packed = size_of_zstd(path)
            for engine in ["Ambit", "DuckDB", "chDB"]:
                best = (float("inf"), float("inf"))
                for _ in range(RUNS):
                    out = work / "out"
                    shutil.rmtree(out, ignore_errors=True)
                    out.mkdir()
                    if engine == "Ambit":
                        mapping = ["--mapping", work / "drill/mappings/nginx_access.toml"] if source == "nginx JSON" else []
                        command = [ambit, "--lake", out / "lake", "ingest", path, *mapping]
                    else:
                        command = [sys.executable, __file__, "--one", engine, source, path, out / "out.parquet"]
                    best = min(best, took(list(map(str, command))))
                mb = size(path) / 1e6
                print(f"| {source} | {mb:.0f} | {engine} | {mb / best[0]:.0f} | {mb / best[1]:.0f} | {size(out) / packed:.2f} |", flush=True)


def size_of_zstd(path):
    return int(subprocess.run(f"zstd -3 -c '{path}' | wc -c", shell=True, check=True, capture_output=True).stdout)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        run_peer(*sys.argv[2:])
    else:
        main(os.path.abspath(sys.argv[1]), int(float(sys.argv[2]) * 1e6) if len(sys.argv) > 2 else 150_000_000)
