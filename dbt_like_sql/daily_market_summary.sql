/*
description: >
  One row per session: how many symbols traded, rose and fell, what was traded, the mean and the
  dispersion of returns, and the extremes. Returns are logarithmic, close to close.
key: [session]
columns:
  session: {type: date, description: "trading session"}
  symbols: {type: integer, minimum: 0, description: "symbols with a bar"}
  advancing: {type: integer, minimum: 0, description: "symbols whose close rose"}
  declining: {type: integer, minimum: 0, description: "symbols whose close fell"}
  unchanged: {type: integer, minimum: 0, description: "symbols whose close stayed"}
  notional: {type: number, minimum: 0, unit: price currency, description: "traded notional of all symbols"}
  mean_return: {type: number, nullable: true, description: "mean log return over symbols with equal weight"}
  dispersion:
    {type: number, nullable: true, minimum: 0, description: "standard deviation of log returns across symbols"}
  best: {type: text, nullable: true, description: "symbol with the highest return; the first by name of several"}
  best_return: {type: number, nullable: true, description: "its log return"}
  worst: {type: text, nullable: true, description: "symbol with the lowest return; the first by name of several"}
  worst_return: {type: number, nullable: true, description: "its log return"}
rules:
  counts_add_up:
    holds: advancing + declining + unchanged <= symbols
    description: no more symbols moved than traded
*/
WITH ranked AS (
    SELECT
        session,
        symbol,
        notional,
        log_return,
        max(log_return) OVER (PARTITION BY session) AS highest,
        min(log_return) OVER (PARTITION BY session) AS lowest
    FROM ref('symbol_sessions')
    WHERE present > 0
)

SELECT
    session,
    count(*) AS symbols,
    count(*) FILTER (WHERE log_return > 0) AS advancing,
    count(*) FILTER (WHERE log_return < 0) AS declining,
    count(*) FILTER (WHERE log_return = 0) AS unchanged,
    sum(CAST(notional AS DECIMAL(38, 8))) AS notional,
    avg(log_return) AS mean_return,
    CASE WHEN count(log_return) > 1 THEN stddev_samp(log_return) END AS dispersion,
    min(symbol) FILTER (WHERE log_return = highest) AS best,
    max(highest) AS best_return,
    min(symbol) FILTER (WHERE log_return = lowest) AS worst,
    min(lowest) AS worst_return
FROM ranked
GROUP BY session
