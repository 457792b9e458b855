/*
description: >
  One row per symbol and month: bars expected, present, missing by reason, refused and flagged, and a
  score. completeness = present / (expected - excused), where bars missing in a halt or an outage of the
  venue are excused: nobody has them. soundness = 1 - (refused + flagged / 2) / (present + refused): a
  flagged bar is kept, so it counts half. score = completeness * soundness. Each lies in [0, 1], and is 1
  where there is nothing to judge.
key: [symbol, month]
columns:
  symbol: {type: text, description: "symbol within the market's universe"}
  month: {type: date, description: "first day of the month of the sessions"}
  expected: {type: integer, minimum: 0, unit: bars, description: "bars that calendar and universe expect"}
  present: {type: integer, minimum: 0, unit: bars, description: "bars that are published"}
  missing: {type: integer, minimum: 0, unit: bars, description: "expected bars that are not there"}
  missing_halt: {type: integer, minimum: 0, unit: bars, description: "of the gap ledger - the symbol was halted"}
  missing_venue_outage: {type: integer, minimum: 0, unit: bars, description: "of the gap ledger - the venue was down"}
  missing_late: {type: integer, minimum: 0, unit: bars, description: "of the gap ledger - not delivered yet"}
  missing_refused: {type: integer, minimum: 0, unit: bars, description: "of the gap ledger - delivered and refused"}
  missing_unknown: {type: integer, minimum: 0, unit: bars, description: "of the gap ledger - nothing tells why"}
  missing_unlisted:
    type: integer
    minimum: 0
    unit: bars
    description: not in the gap ledger - before the symbol's first bar, or after the newest of the market
  repeated: {type: integer, minimum: 0, unit: rows, description: "delivered rows that others repeat or replace"}
  refused: {type: integer, minimum: 0, unit: rows, description: "all other delivered rows in quarantine"}
  refused_mostly: {type: text, nullable: true, description: "the most frequent reason of refusal; the first by name"}
  flagged: {type: integer, minimum: 0, unit: bars, description: "published bars whose quality is not ok"}
  completeness: {type: number, minimum: 0, maximum: 1, description: "share of the bars that could be had"}
  soundness: {type: number, minimum: 0, maximum: 1, description: "share of what was delivered that is right"}
  score: {type: number, minimum: 0, maximum: 1, description: "completeness times soundness"}
checks:
  score_low: {holds: score >= 0.95, description: "each symbol scores 0.95 or more in each month"}
*/
WITH sessions AS (
    SELECT
        symbol,
        CAST(date_trunc('month', session) AS DATE) AS month,
        sum(expected) AS expected,
        sum(present) AS present,
        sum(greatest(expected - present, 0)) AS missing,
        sum(flagged) AS flagged
    FROM ref('symbol_sessions')
    GROUP BY symbol, CAST(date_trunc('month', session) AS DATE)
),

gaps AS (
    SELECT
        symbol,
        CAST(date_trunc('month', session) AS DATE) AS month,
        sum(CASE WHEN reason = 'halt' THEN bars ELSE 0 END) AS halt,
        sum(CASE WHEN reason = 'venue_outage' THEN bars ELSE 0 END) AS venue_outage,
        sum(CASE WHEN reason = 'late' THEN bars ELSE 0 END) AS late,
        sum(CASE WHEN reason = 'refused' THEN bars ELSE 0 END) AS refused,
        sum(CASE WHEN reason = 'unknown' THEN bars ELSE 0 END) AS unknown
    FROM ref('bars.gaps')
    WHERE bars > 0
    GROUP BY symbol, CAST(date_trunc('month', session) AS DATE)
),

delivered AS (
    SELECT symbol, partition, reason FROM ref('raw_bars.quarantine')
    UNION ALL
    SELECT symbol, partition, reason FROM ref('bars.quarantine')
),

repeats AS (
    SELECT
        symbol,
        CAST(concat(substring(partition, 1, 7), '-01') AS DATE) AS month,
        count(*) AS repeated
    FROM delivered
    WHERE symbol IS NOT NULL AND partition IS NOT NULL AND reason IN ('duplicate_row', 'superseded_row')
    GROUP BY symbol, CAST(concat(substring(partition, 1, 7), '-01') AS DATE)
),

reasons AS (
    SELECT
        symbol,
        CAST(concat(substring(partition, 1, 7), '-01') AS DATE) AS month,
        reason,
        count(*) AS refused
    FROM delivered
    WHERE symbol IS NOT NULL AND partition IS NOT NULL AND reason NOT IN ('duplicate_row', 'superseded_row')
    GROUP BY symbol, CAST(concat(substring(partition, 1, 7), '-01') AS DATE), reason
),

numbered AS (
    SELECT
        symbol,
        month,
        reason,
        refused,
        row_number() OVER (PARTITION BY symbol, month ORDER BY refused DESC, reason) AS place
    FROM reasons
),

refusals AS (
    SELECT
        symbol,
        month,
        sum(refused) AS refused,
        max(reason) FILTER (WHERE place = 1) AS mostly
    FROM numbered
    GROUP BY symbol, month
),

every AS (
    SELECT symbol, month FROM sessions
    UNION DISTINCT
    SELECT symbol, month FROM refusals
    UNION DISTINCT
    SELECT symbol, month FROM repeats
),

counted AS (
    SELECT
        every.symbol AS symbol,
        every.month AS month,
        coalesce(sessions.expected, 0) AS expected,
        coalesce(sessions.present, 0) AS present,
        coalesce(sessions.missing, 0) AS missing,
        coalesce(gaps.halt, 0) AS missing_halt,
        coalesce(gaps.venue_outage, 0) AS missing_venue_outage,
        coalesce(gaps.late, 0) AS missing_late,
        coalesce(gaps.refused, 0) AS missing_refused,
        coalesce(gaps.unknown, 0) AS missing_unknown,
        coalesce(repeats.repeated, 0) AS repeated,
        coalesce(refusals.refused, 0) AS refused,
        refusals.mostly AS refused_mostly,
        coalesce(sessions.flagged, 0) AS flagged
    FROM every
    LEFT JOIN sessions ON sessions.symbol = every.symbol AND sessions.month = every.month
    LEFT JOIN gaps ON gaps.symbol = every.symbol AND gaps.month = every.month
    LEFT JOIN repeats ON repeats.symbol = every.symbol AND repeats.month = every.month
    LEFT JOIN refusals ON refusals.symbol = every.symbol AND refusals.month = every.month
),

judged AS (
    SELECT
        *,
        greatest(
            missing - missing_halt - missing_venue_outage - missing_late - missing_refused - missing_unknown, 0
        ) AS missing_unlisted,
        CASE
            WHEN expected - missing_halt - missing_venue_outage > 0
                THEN least(present / CAST(expected - missing_halt - missing_venue_outage AS DOUBLE), 1.0)
            ELSE 1.0
        END AS completeness,
        CASE
            WHEN present + refused > 0
                THEN greatest(1.0 - (refused + flagged / 2.0) / CAST(present + refused AS DOUBLE), 0.0)
            ELSE 1.0
        END AS soundness
    FROM counted
)

SELECT
    symbol,
    month,
    expected,
    present,
    missing,
    missing_halt,
    missing_venue_outage,
    missing_late,
    missing_refused,
    missing_unknown,
    missing_unlisted,
    repeated,
    refused,
    refused_mostly,
    flagged,
    completeness,
    soundness,
    completeness * soundness AS score
FROM judged
