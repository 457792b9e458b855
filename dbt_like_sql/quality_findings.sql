/*
description: >
  One row per symbol, month, finding and reason code: how many bars are missing (by the gap ledger),
  rows refused (in quarantine) or bars flagged (kept, with a quality code). The detail behind the scorecard.
key: [symbol, month, finding, reason]
columns:
  symbol: {type: text, description: "symbol as far as it could be read; ? where it could not"}
  month: {type: date, description: "first day of the month"}
  finding: {type: text, allowed: [missing, refused, flagged], description: "what became of them"}
  reason: {type: text, description: "reason code of the gap ledger, the quarantine, or the bar's quality"}
  rows: {type: integer, minimum: 1, unit: bars or rows, description: "how many"}
*/
WITH findings AS (
    SELECT symbol, date_trunc('month', session) AS month, 'missing' AS finding, reason, bars AS rows
    FROM ref('bars.gaps')
    WHERE bars > 0
    UNION ALL
    SELECT symbol, date_trunc('month', session) AS month, 'flagged' AS finding, quality AS reason, 1 AS rows
    FROM ref('bars')
    WHERE quality <> 'ok'
    UNION ALL
    SELECT
        coalesce(symbol, '?') AS symbol,
        CAST(concat(substring(partition, 1, 7), '-01') AS DATE) AS month,
        'refused' AS finding,
        reason,
        1 AS rows
    FROM ref('bars.quarantine')
    WHERE partition IS NOT NULL
    UNION ALL
    SELECT
        coalesce(symbol, '?') AS symbol,
        CAST(concat(substring(partition, 1, 7), '-01') AS DATE) AS month,
        'refused' AS finding,
        reason,
        1 AS rows
    FROM ref('raw_bars.quarantine')
    WHERE partition IS NOT NULL
)

SELECT symbol, month, finding, reason, sum(rows) AS rows
FROM findings
GROUP BY symbol, month, finding, reason
