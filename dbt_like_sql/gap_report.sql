/*
description: >
  One row per run of missing bars in the gap ledger, with its place among all gaps, the longest first,
  and what the symbol lacks in all. A run ends at its partition's end; days that the calendar does not
  expect in full (holidays, half days) lack nothing and are left out.
key: [symbol, first_open_time]
columns:
  symbol: {type: text, description: "symbol that lacks the bars"}
  first_open_time: {type: time, unit: UTC, description: "open of the first missing bar"}
  last_close_time: {type: time, unit: UTC, description: "close of the last missing bar"}
  session: {type: date, description: "session of the first missing bar"}
  bars: {type: integer, minimum: 1, unit: bars, description: "missing bars"}
  reason: {type: text, description: "why they are missing, as far as the data tells"}
  detail: {type: text, nullable: true, description: "what was found, for a person to read"}
  place: {type: integer, minimum: 1, description: "1 for the longest gap of the market; equal gaps share a place"}
  symbol_gaps: {type: integer, minimum: 1, description: "gaps of the symbol"}
  symbol_bars: {type: integer, minimum: 1, unit: bars, description: "bars that the symbol lacks in all"}
*/
SELECT
    symbol,
    first_open_time,
    last_close_time,
    session,
    bars,
    reason,
    detail,
    rank() OVER (ORDER BY bars DESC) AS place,
    count(*) OVER (PARTITION BY symbol) AS symbol_gaps,
    sum(bars) OVER (PARTITION BY symbol) AS symbol_bars
FROM ref('bars.gaps')
WHERE bars > 0
