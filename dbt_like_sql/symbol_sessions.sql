/*
description: >
  One row per symbol and session: what was expected, what is there, and what was traded. The fact
  table that the other marts are made from: it grows with sessions, whatever the interval of the bars.
partition_by: session
lookback: {bars: 1, expected_bars: 1}
key: [symbol, session]
columns:
  symbol: {type: text, description: "symbol within the market's universe"}
  session: {type: date, description: "trading session"}
  expected: {type: integer, minimum: 0, unit: bars, description: "bars expected by calendar and universe; 0 for no member"}
  present: {type: integer, minimum: 0, unit: bars, description: "bars that are published"}
  flagged: {type: integer, minimum: 0, unit: bars, description: "bars whose quality is not ok"}
  open: {type: number, nullable: true, unit: price currency, description: "first price"}
  high: {type: number, nullable: true, unit: price currency, description: "highest price"}
  low: {type: number, nullable: true, unit: price currency, description: "lowest price"}
  close: {type: number, nullable: true, unit: price currency, description: "last price"}
  volume: {type: number, nullable: true, minimum: 0, unit: shares or base units, description: "traded volume"}
  notional:
    {type: number, nullable: true, minimum: 0, unit: price currency, description: "sum of close times volume of its bars"}
  log_return:
    type: number
    nullable: true
    description: log of close over the close of the session before; null without one, or for prices not above zero
rules:
  high_below_low: {holds: high >= low, description: "high is not below low"}
checks:
  no_stranger: {holds: present <= expected, description: "no more bars than the calendar expects of a member"}
*/
WITH traded AS (
    SELECT
        symbol,
        session,
        count(*) AS present,
        count(*) FILTER (WHERE quality <> 'ok') AS flagged,
        arg_min(open, open_time) AS open,
        max(high) AS high,
        min(low) AS low,
        arg_max(close, open_time) AS close,
        -- Decimals add up to the same in any order; floats do not.
        sum(CAST(volume AS DECIMAL(38, 8))) AS volume,
        sum(CAST(abs(close) * volume AS DECIMAL(38, 8))) AS notional
    FROM ref('bars')
    GROUP BY symbol, session
),

numbered AS (
    SELECT session, max(number) AS number
    FROM ref('expected_bars')
    GROUP BY session
),

every AS (
    SELECT symbol, session FROM traded
    UNION DISTINCT
    SELECT symbol, session FROM ref('expected_bars')
),

joined AS (
    SELECT
        every.symbol AS symbol,
        every.session AS session,
        numbered.number AS number,
        coalesce(wanted.bars, 0) AS expected,
        coalesce(traded.present, 0) AS present,
        coalesce(traded.flagged, 0) AS flagged,
        traded.open AS open,
        traded.high AS high,
        traded.low AS low,
        traded.close AS close,
        traded.volume AS volume,
        traded.notional AS notional
    FROM every
    LEFT JOIN numbered ON numbered.session = every.session
    LEFT JOIN ref('expected_bars') AS wanted ON wanted.symbol = every.symbol AND wanted.session = every.session
    LEFT JOIN traded ON traded.symbol = every.symbol AND traded.session = every.session
),

before AS (
    SELECT
        *,
        lag(close) OVER (PARTITION BY symbol ORDER BY session) AS close_before,
        lag(number) OVER (PARTITION BY symbol ORDER BY session) AS number_before
    FROM joined
)

SELECT
    symbol,
    session,
    expected,
    present,
    flagged,
    open,
    high,
    low,
    close,
    volume,
    notional,
    CASE
        -- Of neighbouring sessions only, so that a partition alone gives what it gives in a range.
        WHEN number = number_before + 1 AND close > 0 AND close_before > 0 THEN ln(close / close_before)
    END AS log_return
FROM before
