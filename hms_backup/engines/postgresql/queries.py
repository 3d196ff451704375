"""The questions asked of PostgreSQL's catalogue. No name in them comes from an archive."""

from __future__ import annotations

RELATION = """
SELECT c.oid, n.nspname, c.relname, c.relkind::text, pg_has_role(c.relowner, 'USAGE'),
       EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid) AS has_children,
       has_table_privilege(c.oid, 'SELECT'), row_security_active(c.oid)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = to_regclass(%s)
"""

# A domain is followed down to its base type: that is what values are written as. A type modifier
# is what limits length or precision; -1 asks for the name of the type without one.
COLUMNS = """
WITH RECURSIVE base(attnum, typid, typmod, required, has_default) AS (
    SELECT attnum, atttypid, atttypmod, attnotnull, atthasdef OR attidentity <> ''
      FROM pg_attribute WHERE attrelid = %(oid)s AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT b.attnum, t.typbasetype, t.typtypmod, b.required OR t.typnotnull,
           b.has_default OR t.typdefault IS NOT NULL
      FROM base b JOIN pg_type t ON t.oid = b.typid WHERE t.typtype = 'd'
)
SELECT a.attname, format_type(a.atttypid, a.atttypmod),
       CASE WHEN tn.nspname = 'pg_catalog' THEN t.typname ELSE '' END,
       format_type(b.typid, -1), a.atttypid <> b.typid, b.typmod >= 0,
       NOT b.required, b.has_default, a.attgenerated <> '', a.attidentity = 'a',
       CASE WHEN NOT c.collisdeterministic
            THEN quote_ident(cn.nspname) || '.' || quote_ident(c.collname) ELSE '' END
  FROM pg_attribute a
  JOIN base b ON b.attnum = a.attnum
  JOIN pg_type t ON t.oid = b.typid AND t.typtype <> 'd'
  JOIN pg_namespace tn ON tn.oid = t.typnamespace
  LEFT JOIN pg_collation c ON c.oid = a.attcollation
  LEFT JOIN pg_namespace cn ON cn.oid = c.collnamespace
 WHERE a.attrelid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum
"""

INDEXES = """
SELECT i.relname, x.indisprimary, to_jsonb(x) ->> 'indnullsnotdistinct' = 'true',
       NOT x.indimmediate,
       ARRAY(SELECT a.attname FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
               JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
              WHERE k.place <= x.indnkeyatts ORDER BY k.place)::text[]
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
 WHERE x.indrelid = %(oid)s AND x.indisunique AND x.indisvalid
   AND x.indexprs IS NULL AND x.indpred IS NULL
 ORDER BY i.relname
"""

FOREIGN_KEYS = """
SELECT c.conname, f.relname, t.relname, c.confdeltype::text, c.confupdtype::text, c.condeferrable,
       pg_table_is_visible(f.oid), fn.nspname, pg_table_is_visible(t.oid), tn.nspname,
       ARRAY(SELECT a.attname FROM unnest(c.conkey) WITH ORDINALITY AS k(attnum, place)
               JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
              ORDER BY k.place)::text[],
       ARRAY(SELECT a.attname FROM unnest(c.confkey) WITH ORDINALITY AS k(attnum, place)
               JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum
              ORDER BY k.place)::text[],
       to_jsonb(c) ->> 'conperiod' IS NOT DISTINCT FROM 'true'
  FROM pg_constraint c
  JOIN pg_class f ON f.oid = c.conrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
  JOIN pg_class t ON t.oid = c.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
 WHERE c.contype = 'f' AND c.conparentid = 0 AND %(oid)s IN (c.conrelid, c.confrelid)
   AND to_jsonb(c) ->> 'conenforced' IS DISTINCT FROM 'false'
 ORDER BY f.relname, c.conname
"""

CHECKS = """
SELECT c.conname, pg_get_expr(c.conbin, c.conrelid),
       ARRAY(SELECT a.attname FROM pg_attribute a
              WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
              ORDER BY a.attnum)::text[]
  FROM pg_constraint c WHERE c.contype = 'c' AND c.conrelid = %(oid)s
   AND to_jsonb(c) ->> 'conenforced' IS DISTINCT FROM 'false'
   AND (0 = ANY (c.conkey)) IS NOT TRUE -- a rule over whole rows is spelt with the table's name
 ORDER BY c.conname
"""

# Those of a partitioned table's partitions too. Up to PostgreSQL 14 their copies are internal.
TRIGGERS = """
SELECT tgname, min(tgenabled::text) FROM pg_trigger
 WHERE tgenabled IN ('O', 'A')
   AND (tgrelid = %(oid)s OR tgrelid IN (SELECT relid FROM pg_partition_tree(%(oid)s)))
   AND (NOT tgisinternal OR tgparentid <> 0)
   AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.oid = tgconstraint AND c.contype <> 't')
 GROUP BY tgname ORDER BY tgname
"""

# Switching a rule off would take a lock that readers wait for.
RULES = """
SELECT rulename, ev_enabled::text FROM pg_rewrite
 WHERE ev_class = %(oid)s AND ev_type <> '1' AND ev_enabled IN ('O', 'A')
 ORDER BY rulename
"""

OID = """
SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE (n.nspname, c.relname) = (%s, %s)
"""
