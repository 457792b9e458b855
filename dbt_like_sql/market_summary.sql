/*
description: "One row per symbol: bars, first and last session and close, price range and mean volume."
key: [symbol]
columns:
  symbol: {type: text, description: "symbol within the market's universe"}
  bars: {type: integer, minimum: 1, unit: bars, description: "published bars"}
  first_session: {type: date, description: "first session with a bar"}
  last_session: {type: date, description: "last session with a bar"}
  first_close: {type: number, unit: price currency, description: "close of the first session"}
  last_close: {type: number, unit: price currency, description: "close of the last session"}
  lowest: {type: number, unit: price currency, description: "lowest price"}
  highest: {type: number, unit: price currency, description: "highest price"}
  mean_volume: {type: number, minimum: 0, unit: shares or base units, description: "mean volume of a session"}
rules:
  lowest_above_highest: {holds: lowest <= highest, description: "the lowest price is not above the highest"}
*/
SELECT
    symbol,
    sum(present) AS bars,
    min(session) AS first_session,
    max(session) AS last_session,
    arg_min(close, session) AS first_close,
    arg_max(close, session) AS last_close,
    min(low) AS lowest,
    max(high) AS highest,
    avg(volume) AS mean_volume
FROM ref('symbol_sessions')
WHERE present > 0
GROUP BY symbol
ORDER BY symbol
