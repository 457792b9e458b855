/*
description: >
  One row per month and symbol: traded notional, its mean per session (ADV), the rank by it, and the
  illiquidity of Amihud (2002), "Illiquidity and stock returns", Journal of Financial Markets 5, equation 1:
  the mean of |return| / notional over the month's sessions, times a million.
key: [month, symbol]
columns:
  month: {type: date, description: "first day of the month of the sessions"}
  symbol: {type: text, description: "symbol within the market's universe"}
  sessions: {type: integer, minimum: 1, description: "sessions with a bar"}
  notional: {type: number, minimum: 0, unit: price currency, description: "traded in the month"}
  adv: {type: number, minimum: 0, unit: price currency, description: "mean notional of a session with a bar"}
  share: {type: number, minimum: 0, maximum: 1, nullable: true, description: "of the market's notional in the month"}
  place: {type: integer, minimum: 1, description: "1 for the highest ADV of the month; equal ones share a place"}
  illiquidity:
    type: number
    nullable: true
    minimum: 0
    unit: return per million of price currency
    description: of Amihud; null without a return and notional in one session
*/
WITH monthly AS (
    SELECT
        CAST(date_trunc('month', session) AS DATE) AS month,
        symbol,
        count(*) AS sessions,
        CAST(sum(CAST(notional AS DECIMAL(38, 8))) AS DOUBLE) AS notional,
        avg(CASE WHEN notional > 0 THEN abs(exp(log_return) - 1) / notional * 1000000 END) AS illiquidity
    FROM ref('symbol_sessions')
    WHERE present > 0
    GROUP BY CAST(date_trunc('month', session) AS DATE), symbol
)

SELECT
    month,
    symbol,
    sessions,
    notional,
    notional / sessions AS adv,
    least(notional / nullif(sum(notional) OVER (PARTITION BY month), 0), 1.0) AS share,
    rank() OVER (PARTITION BY month ORDER BY notional / sessions DESC) AS place,
    illiquidity
FROM monthly
